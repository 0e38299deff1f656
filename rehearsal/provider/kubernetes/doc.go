// Package kubernetes is the rehearsal's stand-in for the plugin
// pulumi-resource-kubernetes.
//
// It serves the tokens that the Kubernetes SDK registers and follows the
// official plugin where a program can tell the difference: what is named
// automatically, which change replaces an object, what is waited for, what a
// refresh compares, which error names which resource. What it does with a
// cluster it leaves to client-go (server-side apply), kstatus (readiness) and
// Helm's library (releases).
//
// It does less in these places: components that the official plugin builds
// itself (helm.sh/v4:Chart, yaml/v2, kustomize/v2) and client-side apply are
// not there, rendering to a directory is not, and the program's manifest is
// judged by the API server alone.
package kubernetes
