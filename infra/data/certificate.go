package data

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
)

// Certificate says how long a certificate that cert-manager renews is good for. Both are
// durations as cert-manager writes them, such as 2160h0m0s.
type Certificate struct {
	Lifetime string
	// RenewBefore is how long before its end it is renewed.
	RenewBefore string
}

const (
	certificateSecret = "redis-tls"
	authority         = "redis-ca"
	authorityRoot     = "redis-root"
	// authorityLifetime is ten years. The authority's certificate goes with the server's
	// in one Secret, and what trusts it reads it from there at each connection.
	authorityLifetime = "87600h0m0s"
)

// newCertificate has cert-manager sign and renew the server's certificate, by an
// authority of Redis' own.
func newCertificate(ctx *pulumi.Context, name string, args *RedisArgs, namespace pulumi.StringOutput, child pulumi.ResourceOption) (pulumi.Resource, error) {
	last := args.CertManager
	object := func(suffix, kind, named string, spec map[string]any) error {
		made, err := kube.NewObject(ctx, name+"-"+suffix, kube.Object{
			APIVersion: "cert-manager.io/v1", Kind: kind, Name: named, Namespace: namespace, WaitFor: []string{"Ready"},
			Fields: map[string]any{"spec": spec},
		}, child, pulumi.DependsOn([]pulumi.Resource{last}))
		last = made
		return err
	}
	key := map[string]any{"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"}
	if err := object("root", "Issuer", authorityRoot, map[string]any{"selfSigned": map[string]any{}}); err != nil {
		return nil, err
	}
	if err := object("authority-certificate", "Certificate", authority, map[string]any{
		"isCA": true, "commonName": "Redis", "secretName": authority, "duration": authorityLifetime, "privateKey": key,
		"issuerRef": map[string]any{"name": authorityRoot, "kind": "Issuer"},
	}); err != nil {
		return nil, err
	}
	if err := object("authority", "Issuer", authority, map[string]any{"ca": map[string]any{"secretName": authority}}); err != nil {
		return nil, err
	}
	err := object("certificate", "Certificate", certificateSecret, map[string]any{
		"secretName": certificateSecret, "duration": args.Certificate.Lifetime, "renewBefore": args.Certificate.RenewBefore, "privateKey": key,
		"dnsNames":  []any{pulumi.Sprintf("redis.%s.svc", namespace), "localhost"},
		"usages":    []any{"digital signature", "server auth"},
		"issuerRef": map[string]any{"name": authority, "kind": "Issuer"},
	})
	return last, err
}
