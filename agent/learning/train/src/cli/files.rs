//! Checkpoints, model files and the text beside them.
//!
//! It must never leave half a file: everything is written beside its place and then moved there.

use crate::Error;
use crate::arcs::training;
use crate::es::State;
use crate::{node, ttd};
use debal_learn::model::{FILE_MAX_BYTES, Kind, ModelFile, Refused};
use debal_learn::net::Net;
use debal_learn::rounds;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::Path;

/// Largest checkpoint read, bytes.
const CHECKPOINT_MAX_BYTES: u64 = 16 << 20;

/// How a model was made.
pub struct Made<'a> {
    /// The command that made it.
    pub command: &'a str,
    /// Its seed.
    pub seed: u64,
    /// What it was trained on.
    pub data: &'a str,
    /// How long that took.
    pub seconds: f64,
}

#[derive(Serialize, Deserialize)]
struct Checkpoint {
    kind: String,
    state: State,
}

fn read(path: &Path, most: u64) -> Result<Vec<u8>, Error> {
    let wrong = |source| Error::File { path: path.display().to_string(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(wrong)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(wrong)?;
    if bytes.len() as u64 > most {
        let why = format!("longer than {most} bytes");
        return Err(Error::Content { path: path.display().to_string(), why });
    }
    Ok(bytes)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let wrong = |source| Error::File { path: path.display().to_string(), source };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, bytes).map_err(wrong)?;
    std::fs::rename(&beside, path).map_err(wrong)
}

/// An error about a model file.
pub fn content(path: Option<&Path>, refused: &Refused) -> Error {
    let path = path.map_or_else(|| "the built-in model".to_owned(), |p| p.display().to_string());
    Error::Content { path, why: refused.to_string() }
}

/// A model from a file, or the bytes built in.
pub fn read_model(path: Option<&Path>, embedded: &[u8]) -> Result<ModelFile, Error> {
    let bytes = path.map_or(Ok(embedded.to_vec()), |path| read(path, FILE_MAX_BYTES as u64))?;
    ModelFile::read(&bytes).map_err(|refused| content(path, &refused))
}

/// Keeps a search.
pub fn write_checkpoint(path: &Path, kind: Kind, state: &State) -> Result<(), Error> {
    let checkpoint = Checkpoint { kind: kind.name().to_owned(), state: state.clone() };
    let text =
        serde_json::to_string(&checkpoint).map_err(|error| Error::Usage(error.to_string()))?;
    write(path, text.as_bytes())
}

#[derive(Serialize, Deserialize)]
struct ArcsCheckpoint {
    kind: String,
    training: training::State,
}

/// Keeps a training of the arcs' network.
pub fn write_arcs(path: &Path, state: &training::State) -> Result<(), Error> {
    let kind = Kind::Arcs.name().to_owned();
    let checkpoint = ArcsCheckpoint { kind, training: state.clone() };
    let text =
        serde_json::to_string(&checkpoint).map_err(|error| Error::Usage(error.to_string()))?;
    write(path, text.as_bytes())
}

/// A training of the arcs' network.
pub fn read_arcs(path: &Path) -> Result<training::State, Error> {
    let bytes = read(path, CHECKPOINT_MAX_BYTES)?;
    let wrong = |why: String| Error::Content { path: path.display().to_string(), why };
    let read: ArcsCheckpoint =
        serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    if read.kind != Kind::Arcs.name() || !read.training.is_whole() {
        return Err(wrong("no whole training of arcs".to_owned()));
    }
    Ok(read.training)
}

/// Whether a checkpoint says that it is of the arcs' network.
pub fn is_arcs(path: &Path) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Head {
        kind: String,
    }
    let bytes = read(path, CHECKPOINT_MAX_BYTES)?;
    Ok(serde_json::from_slice::<Head>(&bytes).is_ok_and(|head| head.kind == Kind::Arcs.name()))
}

/// A search of any kind.
pub fn read_any_checkpoint(path: &Path) -> Result<(Kind, State), Error> {
    let bytes = read(path, CHECKPOINT_MAX_BYTES)?;
    let wrong = |why: String| Error::Content { path: path.display().to_string(), why };
    let read: Checkpoint =
        serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == read.kind);
    let kind = kind.ok_or_else(|| wrong(format!("a search for {}", read.kind)))?;
    if !read.state.is_whole() {
        return Err(wrong("its parts are of different sizes".to_owned()));
    }
    Ok((kind, read.state))
}

/// A search of this kind and size.
pub fn read_checkpoint(path: &Path, kind: Kind, width: usize) -> Result<State, Error> {
    let (found, state) = read_any_checkpoint(path)?;
    if found != kind || state.mean.len() != width {
        let why = format!("a search for {} with {} values", found.name(), state.mean.len());
        return Err(Error::Content { path: path.display().to_string(), why });
    }
    Ok(state)
}

/// The best of a search as a model.
pub fn model(kind: Kind, state: &State) -> Result<ModelFile, Error> {
    let name = format!("{}-{}", kind.name(), state.seed);
    let sizes: &[usize] = match kind {
        Kind::Policy => &node::training::SIZES,
        Kind::Forecast => &ttd::training::SIZES,
        Kind::Rounds => {
            let tensors = rounds::tensors(&state.best)
                .ok_or_else(|| Error::Usage("no schedule has so many numbers".to_owned()))?;
            return Ok(ModelFile { kind, name, version: 1, tensors });
        }
        Kind::Arcs => {
            return Err(Error::Usage(format!("{} has no search here", kind.name())));
        }
    };
    let net =
        Net::new(sizes, state.best.clone()).map_err(|misfit| Error::Usage(misfit.to_string()))?;
    Ok(ModelFile { kind, name, version: 1, tensors: net.tensors() })
}

/// Writes a model, and beside it a .toml that says how it was made.
pub fn write_model(
    path: &Path,
    file: &ModelFile,
    state: &State,
    made: &Made<'_>,
) -> Result<(), Error> {
    let searched = format!(
        "generations = {}\nscore_first = {:.4}\nscore_best = {:.4}\n",
        state.generation,
        state.first_score.unwrap_or(f64::NAN),
        state.best_score.unwrap_or(f64::NAN),
    );
    write_made(path, file, made, &searched)
}

/// Writes a model, and beside it a .toml that says how it was made; `searched` are its last lines.
pub fn write_made(
    path: &Path,
    file: &ModelFile,
    made: &Made<'_>,
    searched: &str,
) -> Result<(), Error> {
    write(path, &file.write())?;
    let text = format!(
        "name = {:?}\nkind = {:?}\nversion = {}\ncommand = {:?}\nseed = {}\ndata = {:?}\n\
         seconds = {:.0}\n{searched}",
        file.name,
        file.kind.name(),
        file.version,
        made.command,
        made.seed,
        made.data,
        made.seconds,
    );
    write(&path.with_extension("toml"), text.as_bytes())
}
