// Package systemtest tests the application whole, as package stack runs it: how
// events flow, what faults do to them, and how fast it is.
package systemtest
