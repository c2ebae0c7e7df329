"""HiGHS (highspy) on one instance. Building the model is not timed."""

import sys
import time

import highspy
import numpy

from shared import read

if sys.argv[1] == "version":
    print("version", highspy.Highs().version())
    sys.exit()

kind, path, limit = sys.argv[1], sys.argv[2], float(sys.argv[3])
nodes, supplies, arcs, scale = read(path)
surplus = sum(supply for supply in supplies if supply > 0)
charged = [number for number, arc in enumerate(arcs) if arc[4] or arc[5]]

lp = highspy.HighsLp()
lp.num_col_ = len(arcs) + len(charged)
lp.num_row_ = nodes + len(charged)
lp.col_cost_ = numpy.array(
    [arc[3] / scale for arc in arcs] + [arcs[number][4] / scale for number in charged]
)
lp.col_lower_ = numpy.zeros(lp.num_col_)
# Tight: no arc ever carries more than all there is.
tight = [min(arc[2], surplus) for arc in arcs] if charged else [arc[2] for arc in arcs]
lp.col_upper_ = numpy.array(tight + [1] * len(charged), dtype=float)
lp.row_lower_ = numpy.array(supplies + [0] * len(charged), dtype=float)
lp.row_upper_ = numpy.array(supplies + [highspy.kHighsInf] * len(charged), dtype=float)
starts, index, value = [], [], []
row_of = {number: nodes + place for place, number in enumerate(charged)}
for number, (tail, head, *_rest) in enumerate(arcs):
    starts.append(len(index))
    entries = [(tail, 1), (head, -1)] if tail != head else []
    if number in row_of:
        entries.append((row_of[number], -1))
    for row, factor in entries:
        index.append(row)
        value.append(factor)
for number in charged:
    starts.append(len(index))
    index.append(row_of[number])
    value.append(tight[number])
starts.append(len(index))
lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
lp.a_matrix_.start_ = numpy.array(starts)
lp.a_matrix_.index_ = numpy.array(index)
lp.a_matrix_.value_ = numpy.array(value, dtype=float)
if charged:
    whole, real = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
    lp.integrality_ = [real] * len(arcs) + [whole] * len(charged)

solver = highspy.Highs()
solver.setOptionValue("output_flag", False)
solver.setOptionValue("threads", 1)
solver.setOptionValue("time_limit", limit)
solver.setOptionValue("mip_rel_gap", 1e-6)
solver.passModel(lp)
# A search runs against the wall clock, a plain flow is timed on the core.
clock = time.perf_counter if charged else time.process_time
start = clock()
solver.run()
took = clock() - start
info = solver.getInfo()
status = solver.getModelStatus()
line = f"seconds {took:.6f}"
if info.primal_solution_status == 2:
    bound = info.mip_dual_bound if charged else info.objective_function_value
    line += f" objective {info.objective_function_value * scale:.3f} bound {bound * scale:.3f}"
line += " status " + ("ok" if status == highspy.HighsModelStatus.kOptimal else "stopped")
print(line)
