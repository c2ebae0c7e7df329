//! Model files: a few tensors with a name, a version and a checksum; and who decides.
//!
//! It must never allocate by a length it has not checked, nor accept a file that is not whole:
//! what is wrong is named, and the rule decides instead.
//!
//! Layout, little endian: `DEBALMDL`, format u16, kind u8, name length u8, name, version u32,
//! number of tensors u16, per tensor rows u16, columns u16 and rows x columns f32, then the BLAKE3
//! hash of all before it.

use crate::net::{Misfit, Net};
use crate::policy::{ACTION_COUNT, FEATURE_COUNT};

/// Largest model file that is read, bytes.
pub const FILE_MAX_BYTES: usize = 256 * 1_024;
/// Most tensors in a file.
pub const TENSORS_MAX: usize = 64;
/// Longest name, bytes.
pub const NAME_MAX_BYTES: usize = 32;

/// The node policy that was trained last. It does not decide: see [`Decider::shipped`].
pub const POLICY: &[u8] = include_bytes!("../models/policy.model");
/// The residual of the forecast that is shipped.
pub const FORECAST: &[u8] = include_bytes!("../models/forecast.model");
/// Rules of few price rounds, one model a number of rounds. None is the default of a node.
pub const ROUNDS: &[&[u8]] = &[
    include_bytes!("../models/rounds-3.model"),
    include_bytes!("../models/rounds-5.model"),
    include_bytes!("../models/rounds-10.model"),
];
/// The network of what arcs carry.
pub const ARCS: &[u8] = include_bytes!("../models/arcs.model");

const MAGIC: &[u8; 8] = b"DEBALMDL";
const FORMAT: u16 = 1;
const HASH_BYTES: usize = 32;

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Node policy: one channel end in, an action out.
    Policy,
    /// Residual of the first-passage forecast.
    Forecast,
    /// Success probabilities of arcs.
    Arcs,
    /// Learned price rounds.
    Rounds,
}

impl Kind {
    /// All kinds, in the order of their numbers in a file.
    pub const ALL: [Self; 4] = [Self::Policy, Self::Forecast, Self::Arcs, Self::Rounds];

    /// The kind's name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Forecast => "forecast",
            Self::Arcs => "arcs",
            Self::Rounds => "rounds",
        }
    }
}

/// A matrix, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// rows x columns values, all finite.
    pub values: Vec<f32>,
}

/// Why a model file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Longer than [`FILE_MAX_BYTES`].
    #[error("{0} bytes are too long for a model")]
    TooLong(usize),
    /// It does not begin like a model.
    #[error("this is not a model file")]
    NotAModel,
    /// Written by another version.
    #[error("format {0} is not known")]
    Format(u16),
    /// The checksum does not fit: damaged or cut.
    #[error("the checksum does not fit")]
    Checksum,
    /// A kind that is not known.
    #[error("kind {0} is not known")]
    UnknownKind(u8),
    /// Another kind than asked for.
    #[error("a model of {found}, not of {wanted}")]
    OtherKind {
        /// What it is.
        found: &'static str,
        /// What was needed.
        wanted: &'static str,
    },
    /// The body contradicts itself.
    #[error("the body is not well formed")]
    Body,
    /// A weight is no number.
    #[error("a weight is not finite")]
    NotFinite,
    /// The tensors are not the network of this kind.
    #[error("the network does not fit: {0}")]
    Shape(#[from] Misfit),
}

/// A model as it lies in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFile {
    /// What it is for.
    pub kind: Kind,
    /// Its name, ASCII.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Its numbers.
    pub tensors: Vec<Tensor>,
}

/// Reads little-endian numbers off a slice.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Refused> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(Refused::Body)?;
        self.0 = tail;
        Ok(head)
    }

    fn number<const BYTES: usize>(&mut self) -> Result<[u8; BYTES], Refused> {
        self.take(BYTES)?.try_into().map_err(|_| Refused::Body)
    }

    fn small(&mut self) -> Result<usize, Refused> {
        Ok(usize::from(u16::from_le_bytes(self.number()?)))
    }

    fn tensor(&mut self) -> Result<Tensor, Refused> {
        let (rows, columns) = (self.small()?, self.small()?);
        // Taken before anything is allocated: what is not there cannot be long.
        let bytes = self.take(rows * columns * 4)?;
        let (words, _) = bytes.as_chunks::<4>();
        let values: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        let finite = values.iter().all(|value| value.is_finite());
        if finite { Ok(Tensor { rows, columns, values }) } else { Err(Refused::NotFinite) }
    }
}

impl ModelFile {
    /// Reads a model.
    pub fn read(bytes: &[u8]) -> Result<Self, Refused> {
        if bytes.len() > FILE_MAX_BYTES {
            return Err(Refused::TooLong(bytes.len()));
        }
        let body = bytes.strip_prefix(MAGIC).ok_or(Refused::NotAModel)?;
        let format: [u8; 2] = Reader(body).number().map_err(|_| Refused::NotAModel)?;
        if u16::from_le_bytes(format) != FORMAT {
            return Err(Refused::Format(u16::from_le_bytes(format)));
        }
        let cut = bytes.len().checked_sub(HASH_BYTES).ok_or(Refused::Checksum)?;
        let (said, hash) = bytes.split_at_checked(cut).ok_or(Refused::Checksum)?;
        if blake3::hash(said).as_bytes() != hash {
            return Err(Refused::Checksum);
        }
        let mut reader = Reader(said);
        reader.take(MAGIC.len() + 2)?;
        let [kind] = reader.number()?;
        let kind = Kind::ALL.get(usize::from(kind)).copied().ok_or(Refused::UnknownKind(kind))?;
        let [length] = reader.number()?;
        let name = reader.take(usize::from(length))?;
        let name = std::str::from_utf8(name).map_err(|_| Refused::Body)?.to_owned();
        if !name.is_ascii() || name.len() > NAME_MAX_BYTES {
            return Err(Refused::Body);
        }
        let version = u32::from_le_bytes(reader.number()?);
        let count = reader.small()?;
        if count > TENSORS_MAX {
            return Err(Refused::Body);
        }
        let tensors = (0..count).map(|_| reader.tensor()).collect::<Result<Vec<_>, _>>()?;
        if !reader.0.is_empty() {
            return Err(Refused::Body);
        }
        Ok(Self { kind, name, version, tensors })
    }

    /// The bytes of the file.
    pub fn write(&self) -> Vec<u8> {
        let small = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes();
        let name: Vec<u8> = self.name.bytes().filter(u8::is_ascii).take(NAME_MAX_BYTES).collect();
        let mut bytes = MAGIC.to_vec();
        bytes.extend(FORMAT.to_le_bytes());
        bytes.push(self.kind as u8);
        bytes.push(u8::try_from(name.len()).unwrap_or_default());
        bytes.extend(name);
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(small(self.tensors.len()));
        for tensor in &self.tensors {
            bytes.extend(small(tensor.rows));
            bytes.extend(small(tensor.columns));
            bytes.extend(tensor.values.iter().flat_map(|value| value.to_le_bytes()));
        }
        let hash = blake3::hash(&bytes);
        bytes.extend(hash.as_bytes());
        bytes
    }

    /// The network of a model of `kind` with these ends.
    pub fn network(&self, kind: Kind, inputs: usize, outputs: usize) -> Result<Net, Refused> {
        if self.kind != kind {
            return Err(Refused::OtherKind { found: self.kind.name(), wanted: kind.name() });
        }
        Ok(Net::from_tensors(&self.tensors, inputs, outputs)?)
    }
}

/// Who decides about a channel end.
#[derive(Debug, Clone, PartialEq)]
pub enum Decider {
    /// A trained network.
    Model {
        /// Its name.
        name: String,
        /// Its version.
        version: u32,
        /// The network.
        net: Net,
    },
    /// The margin rule.
    Rule {
        /// Why no model decides.
        why: String,
    },
}

impl Decider {
    /// The policy in these bytes, or the rule and why.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let read = ModelFile::read(bytes).and_then(|file| {
            let net = file.network(Kind::Policy, FEATURE_COUNT, ACTION_COUNT)?;
            Ok((file, net))
        });
        match read {
            Ok((ModelFile { name, version, .. }, net)) => Self::Model { name, version, net },
            Err(refused) => Self::Rule { why: refused.to_string() },
        }
    }

    /// Who decides unless an operator names a model: the rule, for the trained policy has not
    /// beaten it by more than its interval (`debal learn evaluate --what policy`).
    pub fn shipped() -> Self {
        let why = "the trained policy is not better than the rule by more than its interval";
        Self::Rule { why: why.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> ModelFile {
        let net = Net::new(&[2, 1], vec![1.0, -2.5, 0.5]).unwrap();
        ModelFile {
            kind: Kind::Policy,
            name: "tiny".to_owned(),
            version: 7,
            tensors: net.tensors(),
        }
    }

    fn sealed(mut body: Vec<u8>) -> Vec<u8> {
        let hash = blake3::hash(&body);
        body.extend(hash.as_bytes());
        body
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(ModelFile::read(&file().write()), Ok(file()));
    }

    #[test]
    fn every_damaged_byte_and_every_cut_is_refused() {
        let bytes = file().write();
        for index in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1;
            assert!(ModelFile::read(&damaged).is_err(), "byte {index}");
            assert!(ModelFile::read(&bytes[..index]).is_err(), "cut at {index}");
        }
    }

    #[test]
    fn refusals_have_names() {
        let bytes = file().write();
        let body = bytes[..bytes.len() - HASH_BYTES].to_vec();
        assert_eq!(ModelFile::read(b"hello"), Err(Refused::NotAModel));
        let long = vec![0; FILE_MAX_BYTES + 1];
        assert_eq!(ModelFile::read(&long), Err(Refused::TooLong(FILE_MAX_BYTES + 1)));
        let mut other = body.clone();
        other[8] = 9;
        assert_eq!(ModelFile::read(&sealed(other)), Err(Refused::Format(9)));
        let mut other = body.clone();
        other[10] = 77;
        assert_eq!(ModelFile::read(&sealed(other)), Err(Refused::UnknownKind(77)));
        let mut longer = body.clone();
        longer.push(0);
        assert_eq!(ModelFile::read(&sealed(longer)), Err(Refused::Body));
        // Rows said to be 65,535: refused before anything is allocated.
        let mut wide = body.clone();
        wide[22..26].fill(0xff);
        assert_eq!(ModelFile::read(&sealed(wide)), Err(Refused::Body));
        let mut infinite = body.clone();
        infinite[26..30].copy_from_slice(&f32::INFINITY.to_le_bytes());
        assert_eq!(ModelFile::read(&sealed(infinite)), Err(Refused::NotFinite));
        let wanted = Refused::OtherKind { found: "policy", wanted: "arcs" };
        assert_eq!(file().network(Kind::Arcs, 2, 1), Err(wanted));
    }

    #[test]
    fn the_files_in_the_repository_are_whole() {
        assert!(matches!(Decider::from_bytes(POLICY), Decider::Model { version: 1, .. }));
        assert!(crate::forecast::Residual::shipped().is_ok());
        assert!(POLICY.len().max(FORECAST.len()) <= 100 * 1_024);
        assert!(matches!(Decider::shipped(), Decider::Rule { .. }));
    }

    #[test]
    fn a_wrong_model_falls_back_to_the_rule_and_says_why() {
        let Decider::Rule { why } = Decider::from_bytes(&file().write()) else {
            panic!("a network of two inputs is no policy");
        };
        assert_eq!(why, "the network does not fit: it takes 2 and gives 1 numbers");
        let Decider::Rule { why } = Decider::from_bytes(&[]) else { panic!("nothing is no model") };
        assert_eq!(why, "this is not a model file");
    }
}
