// Package smoke is the account of what proves a deployment from outside (companionctl
// validate): it may do that and nothing else, so that CI needs no administrator's kubeconfig
// for it.
package smoke

import (
	"encoding/base64"
	"errors"
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"

	"github.com/wealth-companion/companion/infra/kube"
)

// SmokeArgs say where the account belongs. All are required.
type SmokeArgs struct {
	// Kubeconfig is the administrator's, of which the account's has the address; YAML.
	Kubeconfig pulumi.StringInput
	// Application is the services' namespace, in which the account is and may look at pods.
	Application pulumi.StringInput
	// Kafka is the brokers' namespace. The account may read KafkaSecrets there, which lead it
	// to the brokers, and connect to their pods through the API server.
	Kafka        pulumi.StringInput
	KafkaSecrets []string
}

// Smoke is an account that may send an event and see what comes of it.
type Smoke struct {
	pulumi.ResourceState

	// Kubeconfig is the account's; secret, YAML. Its token does not expire: another one
	// takes its place when the Secret is replaced.
	Kubeconfig pulumi.StringOutput
}

const accountName = "smoke"

// NewSmoke creates the account, its rights and its token.
func NewSmoke(ctx *pulumi.Context, name string, args *SmokeArgs, opts ...pulumi.ResourceOption) (*Smoke, error) {
	if err := kube.Check("smoke.SmokeArgs", map[string]any{"Kubeconfig": args.Kubeconfig, "Application": args.Application, "Kafka": args.Kafka}); err != nil {
		return nil, err
	}
	if len(args.KafkaSecrets) == 0 {
		return nil, errors.New("smoke.SmokeArgs: KafkaSecrets names none, and a rule without names would allow all")
	}
	s := &Smoke{}
	if err := ctx.RegisterComponentResource(kube.Token("smoke", "Smoke"), name, s, opts...); err != nil {
		return nil, err
	}
	child := pulumi.Parent(s)
	in := func(namespace pulumi.StringInput) metav1.ObjectMetaArgs {
		return metav1.ObjectMetaArgs{Name: pulumi.String(accountName), Namespace: namespace.ToStringOutput()}
	}
	account, err := corev1.NewServiceAccount(ctx, name, &corev1.ServiceAccountArgs{
		Metadata: in(args.Application), AutomountServiceAccountToken: pulumi.Bool(false),
	}, child)
	if err != nil {
		return nil, err
	}
	if err := newRights(ctx, name, args, in, account, child); err != nil {
		return nil, err
	}
	tokenMetadata := in(args.Application)
	tokenMetadata.Name = pulumi.String(accountName + "-token")
	tokenMetadata.Annotations = pulumi.StringMap{"kubernetes.io/service-account.name": account.Metadata.Name().Elem()}
	token, err := corev1.NewSecret(ctx, name+"-token", &corev1.SecretArgs{
		Metadata: tokenMetadata, Type: pulumi.String("kubernetes.io/service-account-token"),
	}, child)
	if err != nil {
		return nil, err
	}
	s.Kubeconfig = pulumi.ToSecret(pulumi.All(args.Kubeconfig, token.Data).ApplyT(func(known []any) (string, error) {
		admin, _ := known[0].(string)
		data, _ := known[1].(map[string]string)
		return kubeconfig(admin, data["token"])
	})).(pulumi.StringOutput)
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"kubeconfig": s.Kubeconfig})
}

// newRights lets the account look at the services' pods, read what leads to the brokers,
// and connect to them.
func newRights(ctx *pulumi.Context, name string, args *SmokeArgs, in func(pulumi.StringInput) metav1.ObjectMetaArgs, account *corev1.ServiceAccount, child pulumi.ResourceOption) error {
	rule := func(group, resource string, names []string, verbs ...string) rbacv1.PolicyRuleArgs {
		r := rbacv1.PolicyRuleArgs{
			ApiGroups: pulumi.ToStringArray([]string{group}), Resources: pulumi.ToStringArray([]string{resource}), Verbs: pulumi.ToStringArray(verbs),
		}
		if len(names) > 0 {
			r.ResourceNames = pulumi.ToStringArray(names)
		}
		return r
	}
	for _, one := range []struct {
		name      string
		namespace pulumi.StringInput
		rules     rbacv1.PolicyRuleArray
	}{
		{name + "-application", args.Application, rbacv1.PolicyRuleArray{rule("", "pods", nil, "get", "list")}},
		{name + "-kafka", args.Kafka, rbacv1.PolicyRuleArray{
			rule("", "secrets", args.KafkaSecrets, "get"),
			rule("discovery.k8s.io", "endpointslices", nil, "list"),
			rule("", "pods/portforward", nil, "create"),
		}},
	} {
		role, err := rbacv1.NewRole(ctx, one.name, &rbacv1.RoleArgs{Metadata: in(one.namespace), Rules: one.rules}, child)
		if err != nil {
			return err
		}
		if _, err := rbacv1.NewRoleBinding(ctx, one.name, &rbacv1.RoleBindingArgs{
			Metadata: in(one.namespace),
			RoleRef: rbacv1.RoleRefArgs{
				ApiGroup: pulumi.String("rbac.authorization.k8s.io"), Kind: pulumi.String("Role"), Name: role.Metadata.Name().Elem(),
			},
			Subjects: rbacv1.SubjectArray{rbacv1.SubjectArgs{
				Kind: pulumi.String("ServiceAccount"), Name: account.Metadata.Name().Elem(), Namespace: args.Application.ToStringOutput(),
			}},
		}, child); err != nil {
			return err
		}
	}
	return nil
}

type clusterAccess struct {
	Server    string `yaml:"server"`
	Authority string `yaml:"certificate-authority-data"`
}

// kubeconfig leads to the administrator's cluster with a token (base64) of another's.
func kubeconfig(admin, token string) (string, error) {
	var known struct {
		Clusters []struct {
			Cluster clusterAccess `yaml:"cluster"`
		} `yaml:"clusters"`
	}
	if err := yaml.Unmarshal([]byte(admin), &known); err != nil {
		return "", fmt.Errorf("the cluster's kubeconfig: %w", err)
	}
	if len(known.Clusters) != 1 || known.Clusters[0].Cluster.Server == "" {
		return "", errors.New("the cluster's kubeconfig is of no one cluster")
	}
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(raw) == 0 {
		return "", errors.New("the account " + accountName + " has no token: run `pulumi refresh`, then `pulumi up`")
	}
	written, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": accountName,
		"clusters": []any{map[string]any{"name": accountName, "cluster": known.Clusters[0].Cluster}},
		"users":    []any{map[string]any{"name": accountName, "user": map[string]any{"token": string(raw)}}},
		"contexts": []any{map[string]any{"name": accountName, "context": map[string]any{"cluster": accountName, "user": accountName}}},
	})
	return string(written), err
}
