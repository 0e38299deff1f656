package kube

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Images are the project's own images. Their registry gives them to nobody without
// credentials: every pod that runs one names PullSecrets, in a namespace with NewPullSecret.
type Images struct {
	Registry pulumi.StringInput // host and name
	Release  string             // tag
	// Digests are those that the tag had when the plan was made, by program: a tag may be
	// moved to another image, a digest not.
	Digests map[string]string
	// Credentials are a Docker configuration (JSON); secret.
	Credentials pulumi.StringInput
}

// Of is the image of a program, by its tag, for people, and its digest, which is what runs.
func (i Images) Of(program string) pulumi.StringOutput {
	return pulumi.Sprintf("%s/%s:%s@%s", i.Registry, program, i.Release, i.Digests[program])
}

// pullSecret is the Secret's name in every namespace.
const pullSecret = "registry"

// NewPullSecret creates the credentials in a namespace; name is the resource's in Pulumi.
func (i Images) NewPullSecret(ctx *pulumi.Context, name string, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) (pulumi.Resource, error) {
	return corev1.NewSecret(ctx, name+"-registry", &corev1.SecretArgs{
		Metadata:   metav1.ObjectMetaArgs{Name: pulumi.String(pullSecret), Namespace: namespace.ToStringOutput()},
		Type:       pulumi.String("kubernetes.io/dockerconfigjson"),
		StringData: pulumi.StringMap{".dockerconfigjson": i.Credentials},
	}, opts...)
}

// PullSecrets is what a pod's specification names. DigitalOcean's registry integration is not
// used: its Secret, which it puts into every namespace, is named in the default service
// account alone, and after the first pods were admitted, while every service has an account
// of its own; and naming it here would tie the pods to DigitalOcean.
func PullSecrets() corev1.LocalObjectReferenceArray {
	return corev1.LocalObjectReferenceArray{corev1.LocalObjectReferenceArgs{Name: pulumi.String(pullSecret)}}
}
