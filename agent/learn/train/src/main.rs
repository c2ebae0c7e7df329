//! x
fn main() {
    let t = std::time::Instant::now();
    let seeds = std::env::args().nth(1).unwrap().parse().unwrap();
    for r in debal_train::b3::run_seeds(seeds, &mut |p| {
        if p.done % 100 == 0 || p.stage == "plan" {
            println!("{:?} {} {} {}", t.elapsed(), p.stage, p.done, p.note);
        }
        true
    })
    .unwrap()
    {
        print!("{:46}", r.method);
        for m in ["fortune", "success", "swaps", "learn_s"] {
            if let Some((x, y)) = r.interval(m) {
                print!(" {m} {x:.4}+-{y:.4}");
            }
        }
        println!();
    }
}
