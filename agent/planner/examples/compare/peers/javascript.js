// javascript-lp-solver on one instance, with capacities tightened to all there is. Building the
// model is not timed.
const fs = require("fs");
const path = require("path");
const solver = require("javascript-lp-solver");

if (process.argv[2] === "version") {
  const main = path.dirname(require.resolve("javascript-lp-solver"));
  const found = [main, path.dirname(main)].map((folder) => path.join(folder, "package.json"));
  const file = found.find((name) => fs.existsSync(name));
  console.log("version " + JSON.parse(fs.readFileSync(file)).version);
  process.exit();
}

const [, , , file, limit] = process.argv;
let scale = 1;
let surplus = 0;
const model = { optimize: "cost", opType: "min", constraints: {}, variables: {}, binaries: {} };
const arcs = [];
for (const line of fs.readFileSync(file, "ascii").split("\n")) {
  const words = line.split(" ");
  const numbers = words.slice(1).map(Number);
  if (words[0] === "c" && words[1] === "scale") scale = Number(words[2]);
  if (words[0] === "p") {
    for (let node = 1; node <= Number(words[2]); node += 1) {
      model.constraints["n" + node] = { equal: 0 };
    }
  }
  if (words[0] === "n") {
    model.constraints["n" + numbers[0]].equal = numbers[1];
    surplus += Math.max(0, numbers[1]);
  }
  if (words[0] === "a") arcs.push(numbers);
}
arcs.forEach(([tail, head, , capacity, cost, fixed = 0], number) => {
  const most = Math.min(capacity, surplus);
  const flow = { cost: cost / scale };
  if (tail !== head) {
    flow["n" + tail] = 1;
    flow["n" + head] = -1;
  }
  if (fixed > 0) {
    model.constraints["c" + number] = { max: 0 };
    flow["c" + number] = 1;
    model.variables["y" + number] = { cost: fixed / scale, ["c" + number]: -most, ["b" + number]: 1 };
    model.constraints["b" + number] = { max: 1 };
    model.binaries["y" + number] = 1;
  } else {
    model.constraints["u" + number] = { max: most };
    flow["u" + number] = 1;
  }
  model.variables["f" + number] = flow;
});
model.options = { timeout: Number(limit) * 1000, tolerance: 0 };
const start = process.hrtime.bigint();
const found = solver.Solve(model);
const took = Number(process.hrtime.bigint() - start) / 1e9;
if (found.feasible) {
  console.log(`seconds ${took} objective ${found.result * scale} status ok`);
} else {
  console.log(`seconds ${took} status infeasible`);
}
