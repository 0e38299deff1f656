package doapi

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

var tagName = regexp.MustCompile(`^[a-zA-Z0-9:_-]{1,255}$`)

func (s *Server) routeTags() {
	s.read("GET /v2/tags", func(now *state, r *http.Request) (any, error) {
		var all []object
		for _, name := range now.Tags {
			all = append(all, now.shownTag(name))
		}
		return page(r, "tags", all)
	})
	s.read("GET /v2/tags/{tag}", func(now *state, r *http.Request) (any, error) {
		found, err := now.tag(r.PathValue("tag"))
		if err != nil {
			return nil, err
		}
		return object{"tag": now.shownTag(found)}, nil
	})
	s.write("POST /v2/tags", http.StatusCreated, func(next *state, r *http.Request) (any, error) {
		request, err := decode[struct {
			Name string `json:"name"`
		}](r)
		if err != nil {
			return nil, err
		}
		if err := next.addTag(request.Name); err != nil {
			return nil, err
		}
		found, err := next.tag(request.Name)
		return object{"tag": next.shownTag(found)}, err
	})
	s.write("DELETE /v2/tags/{tag}", http.StatusNoContent, func(next *state, r *http.Request) (any, error) {
		found, err := next.tag(r.PathValue("tag"))
		if err != nil {
			return nil, err
		}
		is := func(tag string) bool { return strings.EqualFold(tag, found) }
		next.Tags = slices.DeleteFunc(next.Tags, is)
		for _, record := range next.Clusters {
			record.Cluster.Tags = slices.DeleteFunc(record.Cluster.Tags, is)
			for _, p := range record.Cluster.Pools {
				p.Tags = slices.DeleteFunc(p.Tags, is)
			}
		}
		for _, d := range next.Databases {
			d.Tags = slices.DeleteFunc(d.Tags, is)
		}
		return nil, nil
	})
}

// tag finds a tag; case does not count.
func (s *state) tag(name string) (string, error) {
	return find(s.Tags, func(tag string) bool { return strings.EqualFold(tag, name) })
}

// addTag makes a tag unless it is there.
func (s *state) addTag(name string) error {
	if !tagName.MatchString(name) {
		return invalid("tag %q may only contain letters, numbers, colons, dashes, and underscores, up to 255 of them", name)
	}
	if _, err := s.tag(name); err != nil {
		s.Tags = append(s.Tags, name)
	}
	return nil
}

// shownTag counts the nodes that carry the tag: of the resources here, only
// they are droplets. Databases carry tags too.
func (s *state) shownTag(name string) object {
	count := 0
	for _, record := range s.Clusters {
		for _, p := range record.Cluster.Pools {
			if slices.ContainsFunc(p.Tags, func(tag string) bool { return strings.EqualFold(tag, name) }) {
				count += len(p.Nodes)
			}
		}
	}
	databases := 0
	for _, d := range s.Databases {
		if slices.ContainsFunc(d.Tags, func(tag string) bool { return strings.EqualFold(tag, name) }) {
			databases++
		}
	}
	none := object{"count": 0}
	return object{"name": name, "resources": object{
		"count": count + databases, "droplets": object{"count": count},
		"images": none, "volumes": none, "volume_snapshots": none, "databases": object{"count": databases},
	}}
}
