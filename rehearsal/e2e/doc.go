// Package e2e proves the rehearsal from the outside, as its user meets it: the
// command is run, and what it leaves on the machine is looked at. Its tests have
// the build tag `rehearsal`, those that take minutes more `drills` too; they need root, and take
// down a rehearsal that runs.
package e2e
