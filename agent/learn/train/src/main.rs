//! x
use debal_train::rebel::{rules::*, *};
fn show(name: &str, c: &mut dyn Controller) {
    let mut f = vec![]; let mut s = vec![]; let mut sw = 0; let mut fees = 0.0;
    for seed in 1..=5 { let w = run(&Tape::new(seed), c); f.push(w.fortune()); s.push(w.success()); sw += w.swaps; fees += w.swap_fees; }
    let (a, b) = debal_train::stats::interval(&f); let (c2, d) = debal_train::stats::interval(&s);
    println!("{name:20} {a:8.0} +- {b:5.0}  {c2:.4} +- {d:.4} swaps {} fees {:.0}", sw / 5, fees / 5.0);
}
fn main() {
    show("none", &mut Nothing);
    show("loopmax", &mut Loopmax);
    for (l, h) in [(0.3, 0.7), (0.05, 0.99), (0.02, 0.98), (0.05, 0.95)] { show(&format!("autoloop {l} {h}"), &mut Autoloop { low: l, high: h }); }
}
