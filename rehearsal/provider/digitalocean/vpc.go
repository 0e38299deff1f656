package digitalocean

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/digitalocean/godo"
)

// vpcPatience is how long a VPC is waited for that something is still leaving.
const vpcPatience = 2 * time.Minute

type vpcState struct {
	Name        string  `json:"name" do:"autoname"`
	Region      string  `json:"region" do:"required,replace"`
	IPRange     string  `json:"ipRange,omitempty" do:"computed,replace"`
	Description *string `json:"description,omitempty"`
	Default     bool    `json:"default" do:"output"`
	CreatedAt   string  `json:"createdAt" do:"output"`
	URN         string  `json:"vpcUrn" do:"output"`
}

var vpc = handle(api[vpcState]{
	validate: func(wanted vpcState, fail func(string, string)) {
		checkRange("ipRange", wanted.IPRange, fail)
		if len(value(wanted.Description)) > 255 {
			fail("description", "must be at most 255 characters long")
		}
	},
	create: func(ctx context.Context, s *session, wanted vpcState) (string, error) {
		made, _, err := s.client.VPCs.Create(ctx, &godo.VPCCreateRequest{
			Name: wanted.Name, RegionSlug: wanted.Region, Description: value(wanted.Description), IPRange: wanted.IPRange,
		})
		if err != nil {
			return "", err
		}
		return made.ID, nil
	},
	read: func(ctx context.Context, s *session, id string, _ vpcState) (*vpcState, error) {
		found, answer, err := s.client.VPCs.Get(ctx, id)
		if err != nil {
			return nil, unlessGone(answer, err)
		}
		return &vpcState{
			Name: found.Name, Region: found.RegionSlug, IPRange: found.IPRange, Description: given(found.Description),
			Default: found.Default, CreatedAt: stamp(found.CreatedAt), URN: found.URN,
		}, nil
	},
	update: func(ctx context.Context, s *session, id string, there, wanted vpcState) error {
		_, _, err := s.client.VPCs.Update(ctx, id, &godo.VPCUpdateRequest{
			Name: wanted.Name, Description: value(wanted.Description), Default: &there.Default,
		})
		return err
	},
	delete: func(ctx context.Context, s *session, id string, _ vpcState) error {
		ctx, cancel := context.WithTimeout(ctx, vpcPatience)
		defer cancel()
		var last error
		err := poll(ctx, "waiting for the VPC's members to leave", func() (bool, error) {
			answer, err := s.client.VPCs.Delete(ctx, id)
			if status(answer) == http.StatusConflict || status(answer) == http.StatusForbidden {
				last = err
				s.tell("waiting for the VPC's members to leave")
				return false, nil
			}
			return err == nil || gone(answer), unlessGone(answer, err)
		})
		if err != nil && last != nil {
			return last // it says more than that the time is up
		}
		return err
	},
})

func checkRange(path, text string, fail func(string, string)) {
	if _, err := netip.ParsePrefix(text); text != "" && err != nil {
		fail(path, "must be a range of addresses in CIDR notation, not "+text)
	}
}

// value is what a pointer points to, or zero.
func value[T any](pointer *T) T {
	if pointer == nil {
		var none T
		return none
	}
	return *pointer
}

// given is nil for zero, so that the state leaves it out.
func given[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}
