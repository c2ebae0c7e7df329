// LEMON's network simplex on one DIMACS `min` file: prints its version, then one line per run.
// Reading the file and building the graph are not timed; the solver's own set-up is.
#include <lemon/config.h>
#include <lemon/dimacs.h>
#include <lemon/network_simplex.h>
#include <lemon/smart_graph.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>

using Graph = lemon::SmartDigraph;
using Number = long long;

int main(int count, char** words) {
  if (count < 2 || std::string(words[1]) == "version") {
    std::cout << "version " << LEMON_VERSION << "\n";
    return 0;
  }
  Graph graph;
  Graph::ArcMap<Number> lower(graph), upper(graph), cost(graph);
  Graph::NodeMap<Number> supply(graph);
  std::ifstream file(words[1]);
  lemon::readDimacsMin(file, graph, lower, upper, cost, supply);
  auto start = std::chrono::steady_clock::now();
  lemon::NetworkSimplex<Graph, Number, Number> simplex(graph);
  simplex.lowerMap(lower).upperMap(upper).costMap(cost).supplyMap(supply);
  bool optimal = simplex.run() == decltype(simplex)::OPTIMAL;
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (optimal) {
    std::cout << "seconds " << took.count() << " objective " << simplex.totalCost<Number>() << "\n";
  } else {
    std::cout << "seconds " << took.count() << " status infeasible\n";
  }
}
