//! x
use debal_train::rebel::{rules::*, *};
fn show(name: &str, c: &mut dyn Controller) {
    let mut f = vec![]; let mut s = vec![]; let mut sw = 0; let mut fees = 0.0;
    for seed in 1..=5 { let w = run(&Tape::new(seed), c); f.push(w.fortune()); s.push(w.success()); sw += w.swaps; fees += w.swap_fees; }
    let (a, b) = debal_train::stats::interval(&f); let (c2, d) = debal_train::stats::interval(&s);
    println!("{name:20} {a:8.0} +- {b:5.0}  {c2:.4} +- {d:.4} swaps {} fees {:.0}", sw / 5, fees / 5.0);
}
fn main() {
    show("autoloop", &mut Autoloop { low: 0.05, high: 0.99 });
    let a: Vec<f64> = std::env::args().skip(1).map(|x| x.parse().unwrap()).collect();
    let s = debal_train::es::Settings { sigma: a[0], step: a[1], pairs: a[2] as usize, generations: a[3] as usize, ..learned::SEARCH };
    for seed in 1..=(a[5] as u64) {
    let t = std::time::Instant::now();
    let mut l = learned::train(seed, a[4], &s, &mut |p| { if p.done % 50 == 0 { println!("{} {}", p.done, p.note); } true }).unwrap();
    println!("trained {:?}", t.elapsed());
    show("learned", &mut l);
    }
}
