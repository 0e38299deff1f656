package kafka

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// appLabel is the label by which the brokers' listener knows the pods of companionctl.
const appLabel = "app.kubernetes.io/name"

// authorityFolder is where companionctl finds the authority of the brokers' certificates.
const authorityFolder = "/etc/kafka-ca"

// connection is how companionctl reaches the brokers, as a user whose Secret has the same name.
func connection(bootstrap pulumi.StringInput, user string) corev1.EnvVarArray {
	plain := func(name string, value pulumi.StringInput) corev1.EnvVarArgs {
		return corev1.EnvVarArgs{Name: pulumi.String(name), Value: value.ToStringOutput()}
	}
	return corev1.EnvVarArray{
		plain("KAFKA_BROKERS", bootstrap),
		plain("KAFKA_USERNAME", pulumi.String(user)),
		corev1.EnvVarArgs{Name: pulumi.String("KAFKA_PASSWORD"), ValueFrom: corev1.EnvVarSourceArgs{
			SecretKeyRef: corev1.SecretKeySelectorArgs{Name: pulumi.String(user), Key: pulumi.String("password")},
		}},
		plain("KAFKA_CA_FILE", pulumi.String(authorityFolder+"/ca.crt")),
	}
}

func authorityMounts() corev1.VolumeMountArray {
	return corev1.VolumeMountArray{corev1.VolumeMountArgs{
		Name: pulumi.String("ca"), MountPath: pulumi.String(authorityFolder), ReadOnly: pulumi.Bool(true),
	}}
}

func authorityVolumes() corev1.VolumeArray {
	return corev1.VolumeArray{corev1.VolumeArgs{
		Name: pulumi.String("ca"),
		Secret: corev1.SecretVolumeSourceArgs{
			SecretName: pulumi.String(AuthoritySecret),
			Items:      corev1.KeyToPathArray{corev1.KeyToPathArgs{Key: pulumi.String("ca.crt"), Path: pulumi.String("ca.crt")}},
		},
	}}
}
