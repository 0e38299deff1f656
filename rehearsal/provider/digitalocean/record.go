package digitalocean

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/digitalocean/godo"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

type recordState struct {
	Domain   string  `json:"domain" do:"required,replace"`
	Type     string  `json:"type" do:"required,replace"`
	Name     string  `json:"name" do:"autoname"`
	Value    string  `json:"value" do:"required"`
	TTL      int     `json:"ttl,omitempty" do:"computed"`
	Port     *int    `json:"port,omitempty"`
	Priority *int    `json:"priority,omitempty"`
	Weight   *int    `json:"weight,omitempty"`
	Flags    *int    `json:"flags,omitempty"`
	Tag      *string `json:"tag,omitempty"`
	FQDN     string  `json:"fqdn" do:"output"`
}

var (
	recordTypes = []string{"A", "AAAA", "CAA", "CNAME", "MX", "NS", "TXT", "SRV", "SOA"}
	// hostTypes are the records whose value is a host name. A program ends it
	// with a dot; the API leaves the dot out.
	hostTypes = []string{"CNAME", "MX", "NS", "SRV", "CAA"}
)

var dnsRecord = handle(api[recordState]{
	validate: checkRecord,
	create: func(ctx context.Context, s *session, wanted recordState) (string, error) {
		made, _, err := s.client.Domains.CreateRecord(ctx, wanted.Domain, wanted.request(wanted.Type))
		if err != nil {
			return "", err
		}
		return strconv.Itoa(made.ID), nil
	},
	read: readRecord,
	update: func(ctx context.Context, s *session, id string, _, wanted recordState) error {
		number, err := recordID(id)
		if err != nil {
			return err
		}
		_, _, err = s.client.Domains.EditRecord(ctx, wanted.Domain, number, wanted.request(""))
		return err
	},
	delete: func(ctx context.Context, s *session, id string, there recordState) error {
		number, err := recordID(id)
		if err != nil {
			return err
		}
		return unlessGone(s.client.Domains.DeleteRecord(ctx, there.Domain, number))
	},
	locate: func(_ context.Context, _ *session, given string) (string, recordState, error) {
		zone, id, ok := strings.Cut(given, ",")
		if !ok {
			return "", recordState{}, fmt.Errorf("a record is imported as <domain>,<id>, not %q", given)
		}
		_, err := recordID(id)
		return id, recordState{Domain: zone}, err
	},
	same: map[string]sameness{"name": sameName, "value": sameHost},
})

func recordID(text string) (int, error) {
	number, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("the id of a record is a number, not %q", text)
	}
	return number, nil
}

func checkRecord(wanted recordState, fail func(string, string)) {
	if wanted.Type == "" {
		return
	}
	if !slices.Contains(recordTypes, wanted.Type) {
		fail("type", fmt.Sprintf("must be one of %s, not %s", strings.Join(recordTypes, ", "), wanted.Type))
	}
	for _, number := range []struct {
		name string
		of   *int
		most int
	}{{"port", wanted.Port, 65535}, {"priority", wanted.Priority, 65535}, {"weight", wanted.Weight, 65535}, {"flags", wanted.Flags, 255}} {
		if number.of != nil && (*number.of < 0 || *number.of > number.most) {
			fail(number.name, fmt.Sprintf("must be between 0 and %d", number.most))
		}
	}
	if wanted.TTL < 0 {
		fail("ttl", "must be at least 1")
	}
	if wanted.Tag != nil && !slices.Contains([]string{"issue", "issuewild", "iodef"}, *wanted.Tag) {
		fail("tag", "must be issue, issuewild or iodef")
	}
}

func (r recordState) request(kind string) *godo.DomainRecordEditRequest {
	return &godo.DomainRecordEditRequest{
		Type: kind, Name: r.Name, Data: r.Value, TTL: r.TTL, Tag: value(r.Tag),
		Port: value(r.Port), Priority: value(r.Priority), Weight: value(r.Weight), Flags: value(r.Flags),
	}
}

func readRecord(ctx context.Context, s *session, id string, before recordState) (*recordState, error) {
	number, err := recordID(id)
	if err != nil {
		return nil, err
	}
	found, answer, err := s.client.Domains.Record(ctx, before.Domain, number)
	if err != nil {
		return nil, unlessGone(answer, err)
	}
	data := found.Data
	if slices.Contains(hostTypes, found.Type) && data != "@" && found.Tag != "iodef" {
		data += "."
	}
	now := &recordState{
		Domain: before.Domain, Type: found.Type, Name: found.Name, Value: data, TTL: found.TTL, Tag: given(found.Tag),
		Port: given(found.Port), Priority: given(found.Priority), Weight: given(found.Weight), Flags: given(found.Flags),
		FQDN: found.Name + "." + before.Domain,
	}
	if found.Name == "@" {
		now.FQDN = before.Domain
	}
	return now, nil
}

// sameName knows a name that was given with its domain.
func sameName(there, wanted resource.PropertyValue, state resource.PropertyMap) bool {
	if !there.IsString() || !wanted.IsString() || !state["domain"].IsString() {
		return false
	}
	zone := state["domain"].StringValue() + "."
	short, long := there.StringValue(), wanted.StringValue()
	return (short == "@" && long == zone) || short+"."+zone == long
}

// sameHost knows a host that was given without its domain.
func sameHost(there, wanted resource.PropertyValue, state resource.PropertyMap) bool {
	if !there.IsString() || !wanted.IsString() || !state["domain"].IsString() {
		return false
	}
	zone := state["domain"].StringValue() + "."
	long, short := there.StringValue(), wanted.StringValue()
	return (long == "@" && short == zone) || (long == short+"."+zone && slices.Contains(hostTypes, state["type"].StringValue()))
}
