package doapi

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

type record struct {
	ID       int     `json:"id"`
	Type     string  `json:"type"`
	Name     string  `json:"name"`
	Data     string  `json:"data"` // a host name without its final dot
	Priority *int    `json:"priority"`
	Port     *int    `json:"port"`
	TTL      int     `json:"ttl"`
	Weight   *int    `json:"weight"`
	Flags    *int    `json:"flags"`
	Tag      *string `json:"tag"`
}

// recordRequest makes or changes a record; what is absent stays as it is.
type recordRequest struct {
	Type     string  `json:"type"`
	Name     *string `json:"name"`
	Data     *string `json:"data"`
	Priority *int    `json:"priority"`
	Port     *int    `json:"port"`
	TTL      *int    `json:"ttl"`
	Weight   *int    `json:"weight"`
	Flags    *int    `json:"flags"`
	Tag      *string `json:"tag"`
}

var (
	recordTypes = []string{"A", "AAAA", "CAA", "CNAME", "MX", "NS", "SRV", "TXT"}
	// hostTypes are the records whose data is a host name.
	hostTypes = []string{"CAA", "CNAME", "MX", "NS", "SRV"}
	caaTags   = []string{"issue", "issuewild", "iodef"}
)

func (s *Server) routeRecords() {
	s.read("GET /v2/domains/{domain}/records", func(now *state, r *http.Request) (any, error) {
		found, err := now.domain(r.PathValue("domain"))
		if err != nil {
			return nil, err
		}
		kind, name := r.URL.Query().Get("type"), r.URL.Query().Get("name")
		var all []*record
		for _, rec := range found.Records {
			if (kind == "" || rec.Type == kind) && (name == "" || rec.fqdn(found.Name) == strings.TrimSuffix(name, ".")) {
				all = append(all, rec)
			}
		}
		return page(r, "domain_records", all)
	})
	s.read("GET /v2/domains/{domain}/records/{record}", func(now *state, r *http.Request) (any, error) {
		_, found, err := now.record(r)
		return object{"domain_record": found}, err
	})
	s.write("POST /v2/domains/{domain}/records", http.StatusCreated, createRecord)
	s.write("PUT /v2/domains/{domain}/records/{record}", http.StatusOK, updateRecord)
	s.write("PATCH /v2/domains/{domain}/records/{record}", http.StatusOK, updateRecord)
	s.write("DELETE /v2/domains/{domain}/records/{record}", http.StatusNoContent, func(next *state, r *http.Request) (any, error) {
		zone, found, err := next.record(r)
		if err != nil {
			return nil, err
		}
		zone.Records = slices.DeleteFunc(zone.Records, func(rec *record) bool { return rec == found })
		return nil, nil
	})
}

func (s *state) record(r *http.Request) (*domain, *record, error) {
	zone, err := s.domain(r.PathValue("domain"))
	if err != nil {
		return nil, nil, err
	}
	found, err := find(zone.Records, func(rec *record) bool { return strconv.Itoa(rec.ID) == r.PathValue("record") })
	return zone, found, err
}

func (s *state) addRecord(zone *domain, made record) *record {
	s.LastRecord++
	made.ID = s.LastRecord
	zone.Records = append(zone.Records, &made)
	return &made
}

func createRecord(next *state, r *http.Request) (any, error) {
	zone, err := next.domain(r.PathValue("domain"))
	if err != nil {
		return nil, err
	}
	request, err := decode[recordRequest](r)
	if err != nil {
		return nil, err
	}
	made := record{Type: strings.ToUpper(request.Type), Name: "@", TTL: defaultTTL}
	if !slices.Contains(recordTypes, made.Type) {
		return nil, invalid("Type %q is not one of %s", request.Type, strings.Join(recordTypes, ", "))
	}
	if request.Data == nil {
		return nil, invalid("Data can't be blank")
	}
	if err := made.describe(zone, request); err != nil {
		return nil, err
	}
	return object{"domain_record": next.addRecord(zone, made)}, nil
}

func updateRecord(next *state, r *http.Request) (any, error) {
	zone, found, err := next.record(r)
	if err != nil {
		return nil, err
	}
	request, err := decode[recordRequest](r)
	if err != nil {
		return nil, err
	}
	if request.Type != "" && !strings.EqualFold(request.Type, found.Type) {
		return nil, invalid("Type of a record cannot be changed")
	}
	if found.Type == "SOA" {
		return nil, invalid("the SOA record cannot be changed")
	}
	if err := found.describe(zone, request); err != nil {
		return nil, err
	}
	return object{"domain_record": found}, nil
}

// describe sets what is asked for and checks the record that results.
func (r *record) describe(zone *domain, request recordRequest) error {
	if request.Name != nil {
		r.Name = relative(*request.Name, zone.Name)
	}
	if !hostname.MatchString(r.Name) && r.Name != "@" && r.Name != "*" {
		return invalid("Name %q is invalid", r.Name)
	}
	if request.TTL != nil {
		r.TTL = *request.TTL
	}
	if r.TTL < 30 {
		return invalid("TTL must be greater than or equal to 30")
	}
	if err := r.number(request); err != nil {
		return err
	}
	if request.Data != nil {
		data, err := r.checkData(*request.Data, zone.Name)
		if err != nil {
			return err
		}
		r.Data = data
	}
	return r.share(zone)
}

// number sets the numbers that the record's type has.
func (r *record) number(request recordRequest) error {
	srv, mx, caa := r.Type == "SRV", r.Type == "MX", r.Type == "CAA"
	for _, field := range []struct {
		name   string
		has    bool
		given  *int
		kept   **int
		lowest int
		most   int
	}{
		{"Priority", srv || mx, request.Priority, &r.Priority, 0, 65535},
		{"Port", srv, request.Port, &r.Port, 1, 65535},
		{"Weight", srv, request.Weight, &r.Weight, 0, 65535},
		{"Flags", caa, request.Flags, &r.Flags, 0, 255},
	} {
		if !field.has {
			continue // clients send zeros for what a type does not have
		}
		if field.given != nil {
			*field.kept = field.given
		}
		if *field.kept == nil {
			return invalid("%s can't be blank", field.name)
		}
		if **field.kept < field.lowest || **field.kept > field.most {
			return invalid("%s must be between %d and %d", field.name, field.lowest, field.most)
		}
	}
	if !caa {
		return nil
	}
	if request.Tag != nil {
		r.Tag = request.Tag
	}
	if r.Tag == nil || !slices.Contains(caaTags, *r.Tag) {
		return invalid("Tag must be one of %s", strings.Join(caaTags, ", "))
	}
	return nil
}

// checkData returns the data as it is kept.
func (r *record) checkData(data, zone string) (string, error) {
	if data == "" {
		return "", invalid("Data can't be blank")
	}
	switch {
	case r.Type == "A":
		address, err := netip.ParseAddr(data)
		if err != nil || !address.Is4() {
			return "", invalid("IP address did not match IPv4 format (e.g. 255.255.255.255).")
		}
	case r.Type == "AAAA":
		address, err := netip.ParseAddr(data)
		if err != nil || !address.Is6() {
			return "", invalid("IP address did not match IPv6 format (e.g. 2001:db8::ff00:42:8329).")
		}
	case r.Type == "CAA" && *r.Tag == "iodef":
	case slices.Contains(hostTypes, r.Type):
		return hostData(data, zone)
	}
	return data, nil
}

// hostData is a host name without its final dot. A name with dots must have
// one, or nobody could tell it from a name within the zone.
func hostData(data, zone string) (string, error) {
	if data == "@" || data == ";" {
		return data, nil
	}
	name, whole := strings.CutSuffix(data, ".")
	if !whole && strings.Contains(name, ".") {
		return "", invalid("Data needs to end with a dot (.)")
	}
	if !hostname.MatchString(name) {
		return "", invalid("Data %q is no host name", data)
	}
	if !whole {
		return name + "." + zone, nil
	}
	return name, nil
}

// share checks that the record may stand beside the others of its name.
func (r *record) share(zone *domain) error {
	for _, other := range zone.Records {
		if other.ID == r.ID || other.Name != r.Name || other.Type == "SOA" {
			continue
		}
		if other.Type == "CNAME" || r.Type == "CNAME" {
			return invalid("CNAME records cannot share a name with other records")
		}
		if other.Type == r.Type && other.Data == r.Data {
			return invalid("A %s record with the name %s and this data already exists", r.Type, r.Name)
		}
	}
	return nil
}

// relative is a name within the zone, @ for the zone itself.
func relative(name, zone string) string {
	name = strings.ToLower(name)
	if whole, ok := strings.CutSuffix(name, "."); ok {
		name = strings.TrimSuffix(strings.TrimSuffix(whole, zone), ".")
	}
	if name == "" {
		return "@"
	}
	return name
}

func (r *record) fqdn(zone string) string {
	if r.Name == "@" {
		return zone
	}
	return r.Name + "." + zone
}

// rdata is the record's data as a zone file has it.
func (r *record) rdata(zone string) string {
	host := r.Data + "."
	if r.Data == "@" {
		host = zone + "."
	}
	switch r.Type {
	case "MX":
		return fmt.Sprintf("%d %s", *r.Priority, host)
	case "SRV":
		return fmt.Sprintf("%d %d %d %s", *r.Priority, *r.Weight, *r.Port, host)
	case "CAA":
		return fmt.Sprintf("%d %s %q", *r.Flags, *r.Tag, r.Data)
	case "CNAME", "NS":
		return host
	case "TXT":
		return strconv.Quote(r.Data)
	default:
		return r.Data
	}
}
