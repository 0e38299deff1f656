//go:build integration && !faults

package losttest

// every is how many messages apart consumers are lost; make test-faults tries each.
const every = 5
