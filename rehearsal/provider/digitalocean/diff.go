package digitalocean

import (
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// sameness says whether a wanted value is the one that is there, though they
// differ. Wanted is null where the program gives none.
type sameness func(there, wanted resource.PropertyValue, state resource.PropertyMap) bool

// differ compares what a program wants with what is there.
type differ struct {
	state    resource.PropertyMap
	same     map[string]sameness                                        // by path
	replaces map[string]func(there, wanted resource.PropertyValue) bool // by path
	ignored  []resource.PropertyPath
	found    map[string]sdk.PropertyDiff
}

func (d *differ) object(path resource.PropertyPath, fields []*property, there, wanted resource.PropertyMap) {
	for _, p := range fields {
		if p.output {
			continue
		}
		key := resource.PropertyKey(p.name)
		d.value(within(path, p.name), p, there[key], wanted[key])
	}
}

func (d *differ) value(path resource.PropertyPath, p *property, there, wanted resource.PropertyValue) {
	if d.ignores(path) {
		return
	}
	if same := d.same[path.String()]; same != nil && !wanted.IsComputed() && same(there, wanted, d.state) {
		return
	}
	switch {
	case wanted.IsNull():
		if !p.computed && !zero(there) {
			d.differs(path, p, sdk.DiffDelete, there, wanted)
		}
	case wanted.IsComputed():
		d.differs(path, p, sdk.DiffUpdate, there, wanted)
	case there.IsNull() || there.IsComputed():
		if !zero(wanted) {
			d.differs(path, p, sdk.DiffAdd, there, wanted)
		}
	case p.kind == block:
		d.object(path, p.fields, there.ObjectValue(), wanted.ObjectValue())
	case p.kind == dict:
		d.entries(path, p, there.ObjectValue(), wanted.ObjectValue())
	case p.kind == list && p.set:
		if !sameSet(there.ArrayValue(), wanted.ArrayValue()) {
			d.differs(path, p, sdk.DiffUpdate, there, wanted)
		}
	case p.kind == list:
		d.items(path, p, there.ArrayValue(), wanted.ArrayValue())
	case !there.DeepEquals(wanted):
		d.differs(path, p, sdk.DiffUpdate, there, wanted)
	}
}

func (d *differ) entries(path resource.PropertyPath, p *property, there, wanted resource.PropertyMap) {
	for key := range union(there, wanted) {
		d.value(within(path, string(key)), inner(p), there[key], wanted[key])
	}
}

func (d *differ) items(path resource.PropertyPath, p *property, there, wanted []resource.PropertyValue) {
	for i := range max(len(there), len(wanted)) {
		d.value(append(slices.Clone(path), i), inner(p), at(there, i), at(wanted, i))
	}
}

// inner is what a list or map holds; it replaces where the whole does.
func inner(p *property) *property {
	item := *p.item
	item.replace = p.replace
	return &item
}

func at(items []resource.PropertyValue, i int) resource.PropertyValue {
	if i < len(items) {
		return items[i]
	}
	return resource.NewNullProperty()
}

func union(a, b resource.PropertyMap) map[resource.PropertyKey]bool {
	keys := map[resource.PropertyKey]bool{}
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	return keys
}

func (d *differ) ignores(path resource.PropertyPath) bool {
	return slices.ContainsFunc(d.ignored, func(ignored resource.PropertyPath) bool { return ignored.Contains(path) })
}

func (d *differ) differs(path resource.PropertyPath, p *property, how sdk.DiffKind, there, wanted resource.PropertyValue) {
	replace := p.replace
	if decide := d.replaces[path.String()]; decide != nil {
		replace = decide(there, wanted)
	}
	if replace {
		how = how.AsReplace()
	}
	d.found[path.String()] = sdk.PropertyDiff{Kind: how}
}

// sameSet compares lists whose order does not count, nor the case of strings:
// DigitalOcean's tags have none.
func sameSet(there, wanted []resource.PropertyValue) bool {
	if len(there) != len(wanted) {
		return false
	}
	left := slices.Clone(there)
	for _, item := range wanted {
		i := slices.IndexFunc(left, func(other resource.PropertyValue) bool { return sameItem(other, item) })
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}

func sameItem(a, b resource.PropertyValue) bool {
	if a.IsString() && b.IsString() {
		return strings.EqualFold(a.StringValue(), b.StringValue())
	}
	return a.DeepEquals(b)
}

// plan is what a resource will be once the program's values are carried out:
// what the provider sets stays as it is.
func plan(fields []*property, there, wanted resource.PropertyMap) resource.PropertyMap {
	planned := resource.PropertyMap{}
	for _, p := range fields {
		key := resource.PropertyKey(p.name)
		old, kept := there[key]
		value, given := wanted[key]
		switch {
		case given && p.kind == block && value.IsObject() && old.IsObject():
			planned[key] = resource.NewObjectProperty(plan(p.fields, old.ObjectValue(), value.ObjectValue()))
		case given:
			planned[key] = value
		case kept && (p.output || p.computed):
			planned[key] = old
		}
	}
	return planned
}

// foresee is what a resource that does not exist yet will be: what the
// provider will set is unknown.
func foresee(fields []*property, wanted resource.PropertyMap) resource.PropertyMap {
	foreseen := resource.PropertyMap{}
	for _, p := range fields {
		key := resource.PropertyKey(p.name)
		value, given := wanted[key]
		switch {
		case given && p.kind == block && value.IsObject():
			foreseen[key] = resource.NewObjectProperty(foresee(p.fields, value.ObjectValue()))
		case given:
			foreseen[key] = value
		case p.output || p.computed:
			foreseen[key] = unknown()
		}
	}
	return foreseen
}
