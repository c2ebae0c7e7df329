// LEMON's network simplex on one DIMACS `min` file: prints its version, then one line per run.
// Reading the file and building the graph are not timed; the solver's own set-up is.
#include <lemon/config.h>
#include <lemon/dimacs.h>
#include <lemon/network_simplex.h>
#include <lemon/smart_graph.h>

#include <ctime>
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
  std::clock_t start = std::clock();
  lemon::NetworkSimplex<Graph, Number, Number> simplex(graph);
  simplex.lowerMap(lower).upperMap(upper).costMap(cost).supplyMap(supply);
  bool optimal = simplex.run() == decltype(simplex)::OPTIMAL;
  double took = double(std::clock() - start) / CLOCKS_PER_SEC;
  if (optimal) {
    std::cout << "seconds " << took << " objective " << simplex.totalCost<Number>() << "\n";
  } else {
    std::cout << "seconds " << took << " status infeasible\n";
  }
}
