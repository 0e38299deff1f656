package stacks

// The names of a stack's outputs, which CI and the operators' tools read.
const (
	OutputKubeconfig     = "kubeconfig"     // secret: the cluster's kubeconfig, YAML
	OutputClusterName    = "clusterName"    //
	OutputClusterID      = "clusterId"      // DigitalOcean's id
	OutputURL            = "url"            // of the application, https://app.<domain>
	OutputAPIURL         = "apiUrl"         // of the backend's API, below url
	OutputGatewayAddress = "gatewayAddress" // of the load balancer
	OutputRegistry       = "registry"       // where the services' images are pushed to
	OutputRelease        = "release"        // the tag that runs
	OutputTopics         = "topics"         // the topics' names, dead letters too
	OutputNamespaces     = "namespaces"     // by role: application, kafka, data, edge
)
