// Package autoscaler decides on the number of nodes of a cluster's pools as the Kubernetes
// cluster autoscaler does, which DigitalOcean runs in DOKS's managed plane and which resolves
// in no module. It adds nodes for pods that the scheduler found no place for and that a new
// node of the pool would take, and removes nodes that have had little to do for a while and
// whose pods fit elsewhere. It looks at what pods ask for, not at what they take.
//
// What it does not do that the real one does: it does not run the scheduler's plugins. What a
// pod asks for, node selectors, node affinity and taints are checked; spreading and
// anti-affinity are left to the next look, when the scheduler has spoken again.
package autoscaler
