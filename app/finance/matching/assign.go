package matching

import (
	"cmp"
	"slices"
)

// edge is a possible pair: left and right by index, weight more than zero.
type edge struct {
	left, right int
	weight      float64
}

// exactLimit is how many of one side a group of entangled pairs may have to be
// assigned exactly, which takes time with the third power of it. A larger one (the
// same amount hundreds of times within days of one another) is assigned best pair
// first.
const exactLimit = 200

// assign chooses pairs so that each left and each right is in at most one and the
// sum of the weights is the largest there is: the best pair of one must not take
// from two others the only pair they have.
func assign(edges []edge) []edge {
	var chosen []edge
	for _, group := range components(edges) {
		lefts, rights := map[int]int{}, map[int]int{}
		for _, e := range group {
			number(lefts, e.left)
			number(rights, e.right)
		}
		if max(len(lefts), len(rights)) > exactLimit {
			chosen = append(chosen, greedy(group)...)
			continue
		}
		chosen = append(chosen, hungarian(group, lefts, rights)...)
	}
	slices.SortFunc(chosen, func(a, b edge) int { return cmp.Compare(a.left, b.left) })
	return chosen
}

func number(of map[int]int, id int) {
	if _, known := of[id]; !known {
		of[id] = len(of)
	}
}

// components splits edges into groups that have no left and no right in common.
func components(edges []edge) [][]edge {
	parent := map[int]int{} // lefts are ≥ 0, rights are -1-right
	var root func(int) int
	root = func(x int) int {
		p, known := parent[x]
		if !known || p == x {
			parent[x] = x
			return x
		}
		parent[x] = root(p)
		return parent[x]
	}
	for _, e := range edges {
		parent[root(e.left)] = root(-1 - e.right)
	}
	groups, order := map[int][]edge{}, []int{}
	for _, e := range edges {
		r := root(e.left)
		if _, known := groups[r]; !known {
			order = append(order, r)
		}
		groups[r] = append(groups[r], e)
	}
	out := make([][]edge, len(order))
	for i, r := range order {
		out[i] = groups[r]
	}
	return out
}

func greedy(edges []edge) []edge {
	edges = slices.Clone(edges)
	slices.SortStableFunc(edges, func(a, b edge) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.left, b.left), cmp.Compare(a.right, b.right))
	})
	lefts, rights := map[int]bool{}, map[int]bool{}
	var chosen []edge
	for _, e := range edges {
		if lefts[e.left] || rights[e.right] {
			continue
		}
		lefts[e.left], rights[e.right] = true, true
		chosen = append(chosen, e)
	}
	return chosen
}

// hungarian is the assignment of the largest weight by the Hungarian method with
// potentials. lefts and rights number the group's members from 0. Leaving one
// without a pair weighs nothing.
func hungarian(edges []edge, lefts, rights map[int]int) []edge {
	n := max(len(lefts), len(rights))
	cost, which := make([][]float64, n+1), map[[2]int]edge{}
	for i := range cost {
		cost[i] = make([]float64, n+1)
	}
	for _, e := range edges {
		i, j := lefts[e.left]+1, rights[e.right]+1
		if -e.weight < cost[i][j] {
			cost[i][j], which[[2]int{i, j}] = -e.weight, e
		}
	}
	u, v, match, way := make([]float64, n+1), make([]float64, n+1), make([]int, n+1), make([]int, n+1)
	const infinity = 1e18
	for i := 1; i <= n; i++ {
		match[0] = i
		j0 := 0
		least, used := make([]float64, n+1), make([]bool, n+1)
		for j := range least {
			least[j] = infinity
		}
		for {
			used[j0] = true
			i0, delta, j1 := match[j0], infinity, 0
			for j := 1; j <= n; j++ {
				if used[j] {
					continue
				}
				if reduced := cost[i0][j] - u[i0] - v[j]; reduced < least[j] {
					least[j], way[j] = reduced, j0
				}
				if least[j] < delta {
					delta, j1 = least[j], j
				}
			}
			for j := 0; j <= n; j++ {
				if used[j] {
					u[match[j]] += delta
					v[j] -= delta
				} else {
					least[j] -= delta
				}
			}
			j0 = j1
			if match[j0] == 0 {
				break
			}
		}
		for j0 != 0 {
			match[j0] = match[way[j0]]
			j0 = way[j0]
		}
	}
	var chosen []edge
	for j := 1; j <= n; j++ {
		if e, real := which[[2]int{match[j], j}]; real {
			chosen = append(chosen, e)
		}
	}
	return chosen
}
