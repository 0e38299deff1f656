package digitalocean

import (
	"context"
	"reflect"
	"strconv"

	"github.com/digitalocean/godo"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"golang.org/x/oauth2"
)

func newClient(token string, retry godo.RetryConfig, options []godo.ClientOpt) (*godo.Client, error) {
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})
	options = append(options, godo.WithRetryAndBackoffs(retry), godo.SetUserAgent("pulumi-resource-digitalocean-stand-in/"+Version))
	return godo.New(oauth2.NewClient(context.Background(), source), options...)
}

func schemaFor[S any]() []*property { return schemaOf(reflect.TypeFor[S]()) }

// numeric reads a number that a stack's configuration gives as a string.
func numeric(p *property, v resource.PropertyValue) resource.PropertyValue {
	if p == nil || !v.IsString() || (p.kind != integer && p.kind != number) {
		return v
	}
	value, err := strconv.ParseFloat(v.StringValue(), 64)
	if err != nil {
		return v
	}
	return resource.NewNumberProperty(value)
}
