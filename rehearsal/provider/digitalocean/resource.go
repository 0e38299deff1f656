package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/digitalocean/godo"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"

	"github.com/wealth-companion/companion/rehearsal/provider/plugin"
)

// api is what a type of resource does with DigitalOcean. S holds its inputs
// and outputs alike.
type api[S any] struct {
	// validate finds what is wrong with values, beyond their types. What is
	// not known yet is zero.
	validate func(wanted S, fail func(path, reason string))
	// create makes the object. An id together with an error is an object that
	// is there, but not as it should be.
	create func(ctx context.Context, s *session, wanted S) (id string, err error)
	// read returns the object, or nil when it is gone. Before is what was
	// known of it.
	read func(ctx context.Context, s *session, id string, before S) (*S, error)
	// update turns the object into what is wanted; nil: every change replaces.
	update func(ctx context.Context, s *session, id string, there, wanted S) error
	// delete removes the object and waits until it is gone.
	delete func(ctx context.Context, s *session, id string, there S) error
	// locate makes of what a person gives to import an object its id, and what
	// read must know; nil: it is the id.
	locate func(ctx context.Context, s *session, given string) (id string, before S, err error)

	same     map[string]sameness
	replaces map[string]func(there, wanted resource.PropertyValue) bool
}

// session is one call of the engine.
type session struct {
	client *godo.Client
	tell   func(format string, args ...any) // shows how far it is
}

// kindOfResource is an api for the engine, whatever its S.
type kindOfResource interface {
	schema() []*property
	check(inputs resource.PropertyMap, c *checker) error
	differ() *differ
	create(ctx context.Context, s *session, inputs resource.PropertyMap) (resource.ID, resource.PropertyMap, error)
	read(ctx context.Context, s *session, id resource.ID, inputs, state resource.PropertyMap) (sdk.ReadResult, error)
	update(ctx context.Context, s *session, id resource.ID, state, inputs resource.PropertyMap) (resource.PropertyMap, error)
	delete(ctx context.Context, s *session, id resource.ID, state resource.PropertyMap) error
}

type handler[S any] struct {
	api[S]
	fields []*property
}

func handle[S any](a api[S]) kindOfResource {
	return &handler[S]{api: a, fields: schemaOf(reflect.TypeFor[S]())}
}

func (h *handler[S]) schema() []*property { return h.fields }

func (h *handler[S]) differ() *differ { return &differ{same: h.same, replaces: h.replaces} }

func (h *handler[S]) check(inputs resource.PropertyMap, c *checker) error {
	if h.validate == nil {
		return nil
	}
	wanted, err := decode[S](inputs)
	if err != nil {
		return err
	}
	h.validate(wanted, func(path, reason string) {
		c.failures = append(c.failures, sdk.CheckFailure{Property: resource.PropertyKey(path), Reason: reason})
	})
	return nil
}

func (h *handler[S]) create(ctx context.Context, s *session, inputs resource.PropertyMap) (resource.ID, resource.PropertyMap, error) {
	wanted, err := decode[S](inputs)
	if err != nil {
		return "", nil, err
	}
	id, err := h.api.create(ctx, s, wanted)
	if id == "" {
		return "", nil, err
	}
	state, err := h.settle(s, id, wanted, inputs, err)
	return resource.ID(id), state, err
}

func (h *handler[S]) update(ctx context.Context, s *session, id resource.ID, state, inputs resource.PropertyMap) (resource.PropertyMap, error) {
	there, err := decode[S](state)
	if err != nil {
		return nil, err
	}
	planned := plan(h.fields, revealAll(state), revealAll(inputs))
	wanted, err := decode[S](planned)
	if err != nil {
		return nil, err
	}
	var failed error
	if h.api.update != nil { // else there is nothing to change: an earlier failure is looked at again
		failed = h.api.update(ctx, s, string(id), there, wanted)
	}
	return h.settle(s, string(id), wanted, inputs, failed)
}

// settle reads the object after it was made or changed. When that went wrong,
// the engine keeps what is there, and goes on from it the next time.
func (h *handler[S]) settle(s *session, id string, wanted S, inputs resource.PropertyMap, failed error) (resource.PropertyMap, error) {
	// The call's own time may be up; what is there must be known all the same.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	found, err := h.api.read(ctx, s, id, wanted)
	if found == nil && err == nil && failed == nil {
		return nil, fmt.Errorf("%s was made, but is gone", id)
	}
	if found == nil {
		found = &wanted
	}
	state, encodeErr := encode(*found)
	if encodeErr != nil {
		return nil, encodeErr
	}
	state = protect(h.fields, state, inputs)
	if failed = errors.Join(failed, err); failed != nil {
		return state, &plugin.InitError{ID: resource.ID(id), Reasons: []string{failed.Error()}, Outputs: state}
	}
	return state, nil
}

func (h *handler[S]) read(ctx context.Context, s *session, id resource.ID, inputs, state resource.PropertyMap) (sdk.ReadResult, error) {
	before, err := decode[S](state)
	if err != nil {
		return sdk.ReadResult{}, err
	}
	imported := len(state) == 0
	if imported && h.locate != nil {
		found, located, err := h.locate(ctx, s, string(id))
		if err != nil {
			return sdk.ReadResult{}, err
		}
		id, before = resource.ID(found), located
	}
	found, err := h.api.read(ctx, s, string(id), before)
	if err != nil || found == nil {
		return sdk.ReadResult{}, err
	}
	now, err := encode(*found)
	if err != nil {
		return sdk.ReadResult{}, err
	}
	wanted := h.asInputs(now, revealAll(inputs), imported)
	return sdk.ReadResult{
		ID:      id,
		Inputs:  protect(h.fields, wanted, inputs),
		Outputs: protect(h.fields, now, state),
	}, nil
}

// asInputs is what a program must say to mean what is there.
func (h *handler[S]) asInputs(now, inputs resource.PropertyMap, imported bool) resource.PropertyMap {
	d := h.differ()
	d.state, d.found = now, map[string]sdk.PropertyDiff{}
	wanted := d.inputs(nil, h.fields, now, inputs, imported)
	if own, ok := inputs[defaulted]; ok {
		wanted[defaulted] = own
	}
	return wanted
}

// inputs keeps what the program says where it means what is there.
func (d *differ) inputs(path resource.PropertyPath, fields []*property, now, before resource.PropertyMap, imported bool) resource.PropertyMap {
	wanted := resource.PropertyMap{}
	for _, p := range fields {
		key := resource.PropertyKey(p.name)
		value, set := before[key]
		switch {
		case p.output:
		case p.kind == block && now[key].IsObject() && (set && value.IsObject() || imported):
			inner := resource.PropertyMap{}
			if set {
				inner = value.ObjectValue()
			}
			wanted[key] = resource.NewObjectProperty(d.inputs(within(path, p.name), p.fields, now[key].ObjectValue(), inner, imported))
		case set:
			d.found = map[string]sdk.PropertyDiff{}
			d.value(within(path, p.name), p, now[key], value)
			if len(d.found) > 0 {
				value = now[key]
			}
			if !value.IsNull() {
				wanted[key] = value
			}
		case imported && (!zero(now[key]) || p.required):
			wanted[key] = now[key]
		}
	}
	return wanted
}

func (h *handler[S]) delete(ctx context.Context, s *session, id resource.ID, state resource.PropertyMap) error {
	there, err := decode[S](state)
	if err != nil {
		return err
	}
	return h.api.delete(ctx, s, string(id), there)
}

// status is the status code of an answer, 0 when there was none.
func status(answer *godo.Response) int {
	if answer == nil || answer.Response == nil {
		return 0
	}
	return answer.StatusCode
}

// gone says whether an answer means that the object does not exist.
func gone(answer *godo.Response) bool { return status(answer) == http.StatusNotFound }

// unlessGone is the error of a deletion: none when the object is gone already.
func unlessGone(answer *godo.Response, err error) error {
	if gone(answer) {
		return nil
	}
	return err
}

// poll asks again and again, less and less often, until it is done.
func poll(ctx context.Context, what string, done func() (bool, error)) error {
	const slowest = 3 * time.Second
	for pause := 50 * time.Millisecond; ; pause = min(pause*2, slowest) {
		ok, err := done()
		if err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// all lists every page.
func all[T any](list func(*godo.ListOptions) ([]T, *godo.Response, error)) ([]T, error) {
	var found []T
	for options := (&godo.ListOptions{Page: 1, PerPage: 200}); ; options.Page++ {
		items, answer, err := list(options)
		if err != nil {
			return nil, err
		}
		found = append(found, items...)
		if answer.Links == nil || answer.Links.IsLastPage() {
			return found, nil
		}
	}
}

// stamp writes a time as the official plugin does.
func stamp(at time.Time) string { return at.UTC().String() }
