package secret

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Text is a secret that is known while the program runs. Printed, it does not show.
type Text string

// String keeps the secret out of messages.
func (Text) String() string { return "[secret]" }

// GoString keeps the secret out of messages.
func (Text) GoString() string { return "[secret]" }

// Output is the secret as a resource takes it.
func (t Text) Output() pulumi.StringOutput {
	return pulumi.ToSecret(pulumi.String(string(t))).(pulumi.StringOutput)
}

// Content is what a Secret holds.
type Content struct {
	// Data are the values by their keys; secret.
	Data pulumi.StringMap
	// Version tells this content from every other of the same Secret. It is a part of
	// names, and no secret. Empty: it is known later, with the values.
	Version string

	later pulumi.StringOutput // the version that is known later
}

// OfOutputs returns the content with values that others choose, such as a provider, which
// are not known before they exist. Nor is its version, and the Secret's name with it.
func OfOutputs(values map[string]pulumi.StringOutput) Content {
	data, all := pulumi.StringMap{}, pulumi.StringMap{}
	for key, value := range values {
		data[key], all[key] = pulumi.ToSecret(value).(pulumi.StringOutput), value
	}
	later := pulumi.Unsecret(all.ToStringMapOutput().ApplyT(version)).(pulumi.StringOutput)
	return Content{Data: data, later: later}
}

// Known tells whether there is content, now or later.
func (c Content) Known() bool { return len(c.Data) > 0 }

// Of returns the content with these values; its version follows from them.
func Of(values map[string]Text) Content {
	data, plain := pulumi.StringMap{}, map[string]string{}
	for key, value := range values {
		data[key], plain[key] = value.Output(), string(value)
	}
	return Content{Data: data, Version: version(plain)}
}

// A version is read by whoever may list Secrets or pods: guesses at a short password are
// made slow, and fewer bits are told than a guess needs to be certain of a long one.
const (
	versionRounds = 50_000
	versionBytes  = 5
)

func version(values map[string]string) string {
	raw, err := json.Marshal(values)
	if err != nil {
		panic(err) // a map of strings is always JSON
	}
	key, err := pbkdf2.Key(sha256.New, string(raw), []byte("companion: version of a Secret"), versionRounds, versionBytes)
	if err != nil {
		panic(err) // the parameters are constants
	}
	return hex.EncodeToString(key)
}

// Immutable is a Secret that never changes: other content is another Secret, with another
// name, so that whatever refers to it is updated with it, and the pods that run keep
// theirs until their successors are ready.
type Immutable struct {
	// Name is the one in Kubernetes: the name that was given, and the content's version.
	// Empty when the version is known later.
	Name     string
	Output   pulumi.StringInput // the same name, now or later
	Resource pulumi.Resource
}

// NewImmutable creates the Secret called after base and the content's version; name is
// the resource's in Pulumi, without the version. The version is a part of that name too:
// when an update fails and the content before is configured again, its Secret is still
// the same resource and stays, while a replacement in progress would delete it. Content
// whose version is known later is no configuration that could come back: its Secret is
// replaced, the new one first.
func NewImmutable(ctx *pulumi.Context, name, base string, namespace pulumi.StringInput, content Content, opts ...pulumi.ResourceOption) (Immutable, error) {
	var one Immutable
	if content.Version == "" {
		one.Output = pulumi.Sprintf("%s-%s", base, content.later)
	} else {
		one.Name = base + "-" + content.Version
		one.Output, name = pulumi.String(one.Name), name+"-"+content.Version
	}
	made, err := corev1.NewSecret(ctx, name, &corev1.SecretArgs{
		Metadata:   metav1.ObjectMetaArgs{Name: one.Output.ToStringOutput(), Namespace: namespace.ToStringOutput()},
		Immutable:  pulumi.Bool(true),
		StringData: content.Data,
	}, opts...)
	one.Resource = made
	return one, err
}
