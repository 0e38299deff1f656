package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/digitalocean/godo"
	"golang.org/x/oauth2"
	"golang.org/x/sync/errgroup"
)

// Account is how DigitalOcean's API is asked for what its provider has no function for.
type Account struct {
	Token    string // secret
	Endpoint string // the API's address; DigitalOcean's own when empty
}

// resolveTimeout bounds the search of all images of a release.
const resolveTimeout = time.Minute

// tagsPerPage is the most that the API gives.
const tagsPerPage = 200

// digests finds the images of a release in the account's registry: by repository, what its
// tag names now (sha256:...). The error lists every repository that has no such tag.
//
// The API is asked, and not the registry itself: the stack's one token does for it, while
// the registry takes credentials of its own only.
func (a Account) digests(ctx context.Context, registry, release string, repositories []string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	client, err := a.client(ctx)
	if err != nil {
		return nil, err
	}
	found := make([]string, len(repositories))
	group, ctx := errgroup.WithContext(ctx)
	for i, repository := range repositories {
		group.Go(func() (err error) {
			found[i], err = digestOf(ctx, client, registry, repository, release)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	digests, missing := map[string]string{}, []string(nil)
	for i, repository := range repositories {
		if found[i] == "" {
			missing = append(missing, repository)
			continue
		}
		digests[repository] = found[i]
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, fmt.Errorf("companion:release %s is not in the registry %s: it has no such tag of %s; push the images first (make ci-images), or set a release that was pushed",
			release, registry, strings.Join(missing, ", "))
	}
	return digests, nil
}

func (a Account) client(ctx context.Context) (*godo.Client, error) {
	options := []godo.ClientOpt{godo.WithRetryAndBackoffs(godo.RetryConfig{RetryMax: 4, RetryWaitMin: godo.PtrTo(1.0), RetryWaitMax: godo.PtrTo(10.0)})}
	if a.Endpoint != "" {
		options = append(options, godo.SetBaseURL(strings.TrimSuffix(a.Endpoint, "/")+"/"))
	}
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: a.Token})
	client, err := godo.New(oauth2.NewClient(ctx, source), options...)
	if err != nil {
		return nil, fmt.Errorf("DigitalOcean's API at %s: %w", a.Endpoint, err)
	}
	return client, nil
}

// digestOf is the digest of a tag in a repository; empty when there is no such tag, or no
// such repository.
func digestOf(ctx context.Context, client *godo.Client, registry, repository, tag string) (string, error) {
	for page := 1; ; page++ {
		tags, answer, err := client.Registry.ListRepositoryTags(ctx, registry, repository, &godo.ListOptions{Page: page, PerPage: tagsPerPage})
		var refused *godo.ErrorResponse
		if errors.As(err, &refused) && refused.Response.StatusCode == http.StatusNotFound {
			return "", nil
		}
		if err != nil {
			return "", fmt.Errorf("tags of %s/%s: %w", registry, repository, err)
		}
		for _, one := range tags {
			if one.Tag == tag {
				return one.ManifestDigest, nil
			}
		}
		if answer.Links == nil || answer.Links.IsLastPage() {
			return "", nil
		}
	}
}
