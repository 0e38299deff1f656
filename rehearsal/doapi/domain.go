package doapi

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

const defaultTTL = 1800

type domain struct {
	Name    string    `json:"name"`
	TTL     int       `json:"ttl"`
	Records []*record `json:"records"`
}

// shownDomain is a domain as clients see it.
type shownDomain struct {
	Name string  `json:"name"`
	TTL  int     `json:"ttl"`
	Zone *string `json:"zone_file"`
}

var hostname = regexp.MustCompile(`^(\*\.)?([a-zA-Z0-9_]([-a-zA-Z0-9_]{0,61}[a-zA-Z0-9_])?)(\.[a-zA-Z0-9_]([-a-zA-Z0-9_]{0,61}[a-zA-Z0-9_])?)*$`)

func (s *Server) routeDomains() {
	s.read("GET /v2/domains", func(now *state, r *http.Request) (any, error) {
		var all []shownDomain
		for _, d := range now.Domains {
			all = append(all, d.shown())
		}
		return page(r, "domains", all)
	})
	s.read("GET /v2/domains/{domain}", func(now *state, r *http.Request) (any, error) {
		found, err := now.domain(r.PathValue("domain"))
		if err != nil {
			return nil, err
		}
		return object{"domain": found.shown()}, nil
	})
	s.write("POST /v2/domains", http.StatusCreated, createDomain)
	s.write("DELETE /v2/domains/{domain}", http.StatusNoContent, func(next *state, r *http.Request) (any, error) {
		found, err := next.domain(r.PathValue("domain"))
		if err != nil {
			return nil, err
		}
		next.Domains = slices.DeleteFunc(next.Domains, func(d *domain) bool { return d == found })
		delete(next.Assignments, found.urn())
		return nil, nil
	})
}

func (d *domain) urn() string { return "do:domain:" + d.Name }

func (s *state) domain(name string) (*domain, error) {
	return find(s.Domains, func(d *domain) bool { return d.Name == name })
}

func createDomain(next *state, r *http.Request) (any, error) {
	request, err := decode[struct {
		Name    string `json:"name"`
		Address string `json:"ip_address"`
	}](r)
	if err != nil {
		return nil, err
	}
	name := strings.ToLower(request.Name)
	if !hostname.MatchString(name) || !strings.Contains(name, ".") || len(name) > 253 {
		return nil, invalid("Domain name %q is invalid", request.Name)
	}
	if _, err := next.domain(name); err == nil {
		return nil, invalid("Name already exists")
	}
	made := &domain{Name: name, TTL: defaultTTL}
	next.addRecord(made, record{Type: "SOA", Name: "@", Data: "1800", TTL: defaultTTL})
	for _, server := range []string{"ns1", "ns2", "ns3"} {
		next.addRecord(made, record{Type: "NS", Name: "@", Data: server + ".digitalocean.com", TTL: defaultTTL})
	}
	if request.Address != "" {
		address, err := netip.ParseAddr(request.Address)
		if err != nil || !address.Is4() {
			return nil, invalid("IP address did not match IPv4 format (e.g. 255.255.255.255).")
		}
		next.addRecord(made, record{Type: "A", Name: "@", Data: request.Address, TTL: defaultTTL})
	}
	next.Domains = append(next.Domains, made)
	next.assignToDefault(made.urn())
	// As at DigitalOcean, the zone is not written yet.
	return object{"domain": shownDomain{Name: made.Name, TTL: made.TTL}}, nil
}

func (d *domain) shown() shownDomain {
	zone := d.zone()
	return shownDomain{Name: d.Name, TTL: d.TTL, Zone: &zone}
}

// zone is the domain as a zone file.
func (d *domain) zone() string {
	var text strings.Builder
	fmt.Fprintf(&text, "$ORIGIN %s.\n$TTL %d\n", d.Name, d.TTL)
	for _, r := range d.Records {
		if r.Type == "SOA" {
			fmt.Fprintf(&text, "%s. IN SOA ns1.digitalocean.com. hostmaster.%s. 1 10800 3600 604800 %s\n", d.Name, d.Name, r.Data)
			continue
		}
		name := d.Name + "."
		if r.Name != "@" {
			name = r.Name + "." + name
		}
		fmt.Fprintf(&text, "%s %d IN %s %s\n", name, r.TTL, r.Type, r.rdata(d.Name))
	}
	return text.String()
}
