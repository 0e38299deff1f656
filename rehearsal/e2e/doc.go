// Package e2e proves the rehearsal from the outside, as its user meets it: the
// command is run, and what it leaves on the machine is looked at. Its tests have
// the build tag `rehearsal`, need root, and take down a rehearsal that runs.
package e2e
