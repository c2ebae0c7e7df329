//! The one loop of an experiment that compares methods: choose every method's parameters on the
//! tuning seeds, then measure all methods on the same settings, seed by seed.
//!
//! A method must never be tuned on a seed it is measured on, nor meet another setting than the
//! others do.

use crate::BenchError;
use crate::figures::Figure;
use crate::method::Method;
use crate::report::Row;

/// What a seed sets up, what a method reaches in it, and how that becomes figures.
pub trait Experiment {
    /// Everything one seed draws; the same for all methods.
    type Setting;
    /// What one method did to a setting.
    type Reached;

    /// Names of the metrics, in the order of [`Experiment::values`].
    fn metrics(&self) -> &'static [&'static str];

    /// The seeds that parameters are chosen on, apart from those that are measured.
    fn tuning_seeds(&self) -> std::ops::Range<u64>;

    /// Draws the setting of a seed.
    ///
    /// # Errors
    /// [`BenchError`] of the graph or of the optimum.
    fn setting(&self, seed: u64) -> Result<Self::Setting, BenchError>;

    /// Puts a method through a setting and checks what it promises.
    ///
    /// # Errors
    /// [`BenchError`] of the method, or what it broke.
    fn reach(
        &self,
        setting: &Self::Setting,
        method: &dyn Method,
        seed: u64,
    ) -> Result<Self::Reached, BenchError>;

    /// What parameters are chosen by: more is better.
    fn merit(&self, setting: &Self::Setting, reached: &Self::Reached) -> f64;

    /// A list of figures per method, in the order of [`Experiment::metrics`]. All methods of a
    /// seed come together, for some figures are relative to another method's.
    ///
    /// # Errors
    /// [`BenchError`] of a method that is needed to compare with and was not among them.
    fn values(
        &self,
        setting: &Self::Setting,
        methods: &[&dyn Method],
        reached: &[Self::Reached],
        seed: u64,
    ) -> Result<Vec<Vec<f64>>, BenchError>;
}

/// A row per method: the best of its candidates on the tuning seeds, measured on seeds 1 to
/// `seeds`. `watch` is told what is being done.
///
/// # Errors
/// [`BenchError`] of a setting or of a method.
pub fn measure<E: Experiment>(
    experiment: &E,
    methods: &[Box<dyn Method>],
    seeds: u64,
    watch: &mut dyn FnMut(&str),
) -> Result<Vec<Row>, BenchError> {
    let tuned = tuned(experiment, methods, watch)?;
    let chosen: Vec<&dyn Method> = methods
        .iter()
        .zip(&tuned)
        .map(|(method, tuned)| tuned.as_ref().unwrap_or(method).as_ref())
        .collect();
    let names = experiment.metrics();
    let mut observed = vec![vec![Vec::new(); names.len()]; methods.len()];
    for seed in 1..=seeds {
        watch(&format!("seed {seed}: setting"));
        let setting = experiment.setting(seed)?;
        let mut reached = Vec::with_capacity(chosen.len());
        for method in &chosen {
            watch(&format!("seed {seed}: {}", method.name()));
            reached.push(experiment.reach(&setting, *method, seed)?);
        }
        let values = experiment.values(&setting, &chosen, &reached, seed)?;
        for (lists, values) in observed.iter_mut().zip(values) {
            lists.iter_mut().zip(values).for_each(|(list, value)| list.push(value));
        }
    }
    let row = |(method, lists): (&&dyn Method, Vec<Vec<f64>>)| Row {
        method: method.name(),
        metrics: names
            .iter()
            .zip(lists)
            .map(|(name, list)| ((*name).to_owned(), Figure::of(&list)))
            .collect(),
    };
    Ok(chosen.iter().zip(observed).map(row).collect())
}

/// The best of every method's candidates on the tuning seeds, in the methods' order; none for a
/// method that has nothing to tune.
fn tuned<E: Experiment>(
    experiment: &E,
    methods: &[Box<dyn Method>],
    watch: &mut dyn FnMut(&str),
) -> Result<Vec<Option<Box<dyn Method>>>, BenchError> {
    let candidates: Vec<_> = methods.iter().map(|method| method.candidates()).collect();
    let mut settings = Vec::new();
    if candidates.iter().any(|list| !list.is_empty()) {
        for seed in experiment.tuning_seeds() {
            settings.push((seed, experiment.setting(seed)?));
        }
    }
    let mut chosen = Vec::with_capacity(methods.len());
    for (method, candidates) in methods.iter().zip(candidates) {
        let mut best: Option<(f64, Box<dyn Method>)> = None;
        for candidate in candidates {
            watch(&format!("tuning {}: {}", method.name(), candidate.parameters()));
            let mut merit = 0.0;
            for (seed, setting) in &settings {
                let reached = experiment.reach(setting, candidate.as_ref(), *seed)?;
                merit += experiment.merit(setting, &reached);
            }
            if best.as_ref().is_none_or(|(most, _)| merit > *most) {
                best = Some((merit, candidate));
            }
        }
        chosen.push(best.map(|(_, candidate)| candidate));
    }
    Ok(chosen)
}

/// The methods whose names contain one of `words`; all of them without words.
///
/// # Errors
/// Words that no method's name contains.
pub fn named(
    mut all: Vec<Box<dyn Method>>,
    words: &[String],
) -> Result<Vec<Box<dyn Method>>, BenchError> {
    if !words.is_empty() {
        all.retain(|method| words.iter().any(|word| method.name().contains(word.as_str())));
    }
    if all.is_empty() {
        return Err(BenchError::Usage(format!("no method is called like {}", words.join(", "))));
    }
    Ok(all)
}
