//go:build integration && faults

package losttest

// every is how many messages apart consumers are lost.
const every = 1
