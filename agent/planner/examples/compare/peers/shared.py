"""Reads the two text formats that the comparison writes: DIMACS `min`, and the same with charges."""


def read(path):
    """Nodes, supplies, arcs and the number that costs were multiplied by.

    An arc is (tail, head, capacity, unit cost, fixed cost, minimum); the last two are zero in a
    plain flow.
    """
    nodes, supplies, arcs, scale = 0, [], [], 1
    with open(path, encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words[:2] == ["c", "scale"]:
                scale = int(words[2])
            elif words and words[0] == "p":
                nodes = int(words[2])
                supplies = [0] * nodes
            elif words and words[0] == "n":
                supplies[int(words[1]) - 1] = int(words[2])
            elif words and words[0] == "a":
                tail, head, _, capacity, cost, *charge = (int(word) for word in words[1:])
                fixed, minimum = charge if charge else (0, 0)
                arcs.append((tail - 1, head - 1, capacity, cost, fixed, minimum))
    return nodes, supplies, arcs, scale
