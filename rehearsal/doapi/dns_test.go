package doapi_test

import (
	"testing"

	"github.com/digitalocean/godo"
	"github.com/stretchr/testify/require"
)

func TestDomain(t *testing.T) {
	client, _, _ := start(t)
	made, _, err := client.Domains.Create(t.Context(), &godo.DomainCreateRequest{Name: "companion.localhost", IPAddress: "127.0.0.1"})
	require.NoError(t, err)
	require.Equal(t, "companion.localhost", made.Name)
	require.Equal(t, 1800, made.TTL)
	records, _, err := client.Domains.Records(t.Context(), made.Name, nil)
	require.NoError(t, err)
	require.Len(t, records, 5, "SOA, three name servers, and the address")

	found, _, err := client.Domains.Get(t.Context(), made.Name)
	require.NoError(t, err)
	require.Contains(t, found.ZoneFile, "companion.localhost. 1800 IN A 127.0.0.1")

	_, _, err = client.Domains.Create(t.Context(), &godo.DomainCreateRequest{Name: "companion.localhost"})
	requireStatus(t, err, 422, "Name already exists")
	_, _, err = client.Domains.Create(t.Context(), &godo.DomainCreateRequest{Name: "localhost"})
	requireStatus(t, err, 422, "is invalid")
	_, err = client.Domains.Delete(t.Context(), made.Name)
	require.NoError(t, err)
	_, _, err = client.Domains.Records(t.Context(), made.Name, nil)
	requireStatus(t, err, 404, "could not be found")
}

func TestRecord(t *testing.T) {
	client, _, _ := start(t)
	_, _, err := client.Domains.Create(t.Context(), &godo.DomainCreateRequest{Name: "example.com"})
	require.NoError(t, err)
	add := func(t *testing.T, request godo.DomainRecordEditRequest) (*godo.DomainRecord, error) {
		t.Helper()
		made, _, err := client.Domains.CreateRecord(t.Context(), "example.com", &request)
		return made, err
	}

	app, err := add(t, godo.DomainRecordEditRequest{Type: "A", Name: "app.example.com.", Data: "127.0.0.1", TTL: 60})
	require.NoError(t, err)
	require.Positive(t, app.ID)
	require.Equal(t, "app", app.Name, "a whole name is kept within the zone")
	alias, err := add(t, godo.DomainRecordEditRequest{Type: "CNAME", Name: "www", Data: "app.example.com."})
	require.NoError(t, err)
	require.Equal(t, "app.example.com", alias.Data, "without the final dot")
	require.Equal(t, 1800, alias.TTL)
	within, err := add(t, godo.DomainRecordEditRequest{Type: "CNAME", Name: "api", Data: "app"})
	require.NoError(t, err)
	require.Equal(t, "app.example.com", within.Data)
	mail, err := add(t, godo.DomainRecordEditRequest{Type: "MX", Name: "@", Data: "mail.example.com.", Priority: 10})
	require.NoError(t, err)
	require.Equal(t, 10, mail.Priority)
	issuer, err := add(t, godo.DomainRecordEditRequest{Type: "CAA", Name: "@", Data: "letsencrypt.org.", Tag: "issue"})
	require.NoError(t, err)
	require.Equal(t, "letsencrypt.org", issuer.Data)

	changed, _, err := client.Domains.EditRecord(t.Context(), "example.com", app.ID, &godo.DomainRecordEditRequest{Data: "127.0.0.2"})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.2", changed.Data)
	require.Equal(t, "app", changed.Name)
	require.Equal(t, 60, changed.TTL)
	byName, _, err := client.Domains.RecordsByTypeAndName(t.Context(), "example.com", "A", "app.example.com", nil)
	require.NoError(t, err)
	require.Len(t, byName, 1)

	for name, test := range map[string]struct {
		request godo.DomainRecordEditRequest
		says    string
	}{
		"of no known type":                  {godo.DomainRecordEditRequest{Type: "PTR", Name: "a", Data: "b"}, `Type "PTR"`},
		"without data":                      {godo.DomainRecordEditRequest{Type: "TXT", Name: "a"}, "Data can't be blank"},
		"whose address is a name":           {godo.DomainRecordEditRequest{Type: "A", Name: "a", Data: "app"}, "IPv4 format"},
		"whose IPv6 address is IPv4":        {godo.DomainRecordEditRequest{Type: "AAAA", Name: "a", Data: "127.0.0.1"}, "IPv6 format"},
		"whose host lacks the final dot":    {godo.DomainRecordEditRequest{Type: "CNAME", Name: "a", Data: "app.example.com"}, "Data needs to end with a dot (.)"},
		"that shares its name with a CNAME": {godo.DomainRecordEditRequest{Type: "TXT", Name: "www", Data: "b"}, "CNAME records cannot share a name"},
		"that is there already":             {godo.DomainRecordEditRequest{Type: "A", Name: "app", Data: "127.0.0.2"}, "already exists"},
		"that changes too often":            {godo.DomainRecordEditRequest{Type: "A", Name: "a", Data: "127.0.0.1", TTL: 1}, "TTL"},
		"for a service without a port":      {godo.DomainRecordEditRequest{Type: "SRV", Name: "_a._tcp", Data: "app", Priority: 1, Weight: 1}, "Port must be between 1 and 65535"},
		"that lets nobody issue anything":   {godo.DomainRecordEditRequest{Type: "CAA", Name: "@", Data: "ca.org.", Tag: "deny"}, "Tag must be one of"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := add(t, test.request)
			requireStatus(t, err, 422, test.says)
		})
	}

	_, err = client.Domains.DeleteRecord(t.Context(), "example.com", app.ID)
	require.NoError(t, err)
	_, _, err = client.Domains.Record(t.Context(), "example.com", app.ID)
	requireStatus(t, err, 404, "could not be found")
}
