"""OR-tools' minimum-cost flow on one instance. Filling its graph is not timed."""

import sys
import time

import numpy
import ortools
from ortools.graph.python import min_cost_flow

from shared import read

if sys.argv[1] == "version":
    print("version", ortools.__version__)
    sys.exit()

nodes, supplies, arcs, _ = read(sys.argv[2])
solver = min_cost_flow.SimpleMinCostFlow()
column = lambda place: numpy.array([arc[place] for arc in arcs])
solver.add_arcs_with_capacity_and_unit_cost(column(0), column(1), column(2), column(3))
solver.set_nodes_supplies(numpy.arange(nodes), numpy.array(supplies))
start = time.process_time()
status = solver.solve()
took = time.process_time() - start
if status == solver.OPTIMAL:
    print(f"seconds {took:.6f} objective {solver.optimal_cost()} status ok")
else:
    print(f"seconds {took:.6f} status {status}")
