// Package doapi behaves as DigitalOcean's API for what the program uses:
// account, VPCs, Kubernetes clusters, domains, the container registry, projects,
// load balancers and tags. It keeps DigitalOcean's paths, status codes, error
// bodies, pages and rules, holds its state on disk, and leaves the booting of
// clusters to a Backend.
//
// Where it differs from DigitalOcean:
//
//   - What it does not serve answers 501 and not 404, so that no client takes
//     an object for gone.
//   - Load balancers are made by a cluster's controller alone, not through the
//     API. As at DigitalOcean they outlive their cluster, unless it is deleted
//     with what belongs to it, and hold the VPC that they are in.
//   - A cluster that is being removed is shown as deleted, since the client
//     library knows no state for the time before.
//   - Messages were taken from what people reported where they were to be had;
//     the rest say the same in other words.
package doapi
