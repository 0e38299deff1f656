// Package quality measures the agents' detectors on households with planted truth
// (app/household): the precision and the recall of each. docs/insights.md explains
// the figures; the test fails when one drops below its floor.
package quality
