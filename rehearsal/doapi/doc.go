// Package doapi behaves as DigitalOcean's API for what the program uses:
// account, VPCs, Kubernetes clusters, domains, the container registry, projects,
// load balancers and tags. It keeps DigitalOcean's paths, status codes, error
// bodies, pages and rules, holds its state on disk, and leaves the booting of
// clusters to a Backend.
package doapi
