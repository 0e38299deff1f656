package doapi

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"
)

type vpc struct {
	ID          string       `json:"id"`
	URN         string       `json:"urn"`
	Name        string       `json:"name"`
	Description string       `json:"description"`
	Region      string       `json:"region"`
	Range       netip.Prefix `json:"ip_range"`
	Default     bool         `json:"default"`
	CreatedAt   time.Time    `json:"created_at"`
}

type vpcRequest struct {
	Name        *string `json:"name"`
	Description *string `json:"description"`
	Region      string  `json:"region"`
	Range       string  `json:"ip_range"`
	Default     *bool   `json:"default"`
}

// member is something that has an address in a VPC.
type member struct {
	URN       string    `json:"urn"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

var vpcName = regexp.MustCompile(`^[a-zA-Z0-9.-]{1,255}$`)

func (s *Server) routeVPCs() {
	s.read("GET /v2/vpcs", func(now *state, r *http.Request) (any, error) {
		return page(r, "vpcs", now.VPCs)
	})
	s.read("GET /v2/vpcs/{id}", func(now *state, r *http.Request) (any, error) {
		found, err := now.vpc(r.PathValue("id"))
		return object{"vpc": found}, err
	})
	s.read("GET /v2/vpcs/{id}/members", func(now *state, r *http.Request) (any, error) {
		found, err := now.vpc(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		return page(r, "members", now.members(found.ID))
	})
	s.write("POST /v2/vpcs", http.StatusCreated, createVPC)
	s.write("PUT /v2/vpcs/{id}", http.StatusOK, updateVPC)
	s.write("PATCH /v2/vpcs/{id}", http.StatusOK, updateVPC)
	s.write("DELETE /v2/vpcs/{id}", http.StatusNoContent, deleteVPC)
}

func (s *state) vpc(id string) (*vpc, error) {
	return find(s.VPCs, func(v *vpc) bool { return v.ID == id })
}

func createVPC(next *state, r *http.Request) (any, error) {
	request, err := decode[vpcRequest](r)
	if err != nil {
		return nil, err
	}
	if !knownRegion(request.Region) {
		return nil, invalid("Region %q is not a region where VPCs are available", request.Region)
	}
	made := &vpc{ID: uuid.NewString(), Region: request.Region, CreatedAt: now()}
	made.URN = "do:vpc:" + made.ID
	if request.Name == nil {
		return nil, invalid("Name can't be blank")
	}
	if err := next.describeVPC(made, request); err != nil {
		return nil, err
	}
	if request.Range == "" {
		made.Range, err = next.freeRange(20)
	} else {
		made.Range, err = next.vpcRange(request.Range)
	}
	if err != nil {
		return nil, err
	}
	next.VPCs = append(next.VPCs, made)
	return object{"vpc": made}, nil
}

func updateVPC(next *state, r *http.Request) (any, error) {
	found, err := next.vpc(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	request, err := decode[vpcRequest](r)
	if err != nil {
		return nil, err
	}
	if r.Method == http.MethodPut && request.Description == nil {
		request.Description = new(string)
	}
	if err := next.describeVPC(found, request); err != nil {
		return nil, err
	}
	if request.Default != nil && *request.Default {
		for _, other := range next.VPCs {
			if other.Region == found.Region {
				other.Default = other == found
			}
		}
	}
	return object{"vpc": found}, nil
}

func deleteVPC(next *state, r *http.Request) (any, error) {
	found, err := next.vpc(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if found.Default {
		return nil, failf(http.StatusForbidden, "Can not delete default VPC")
	}
	if len(next.members(found.ID)) > 0 {
		return nil, failf(http.StatusConflict, "Can not delete VPC with members")
	}
	next.VPCs = slices.DeleteFunc(next.VPCs, func(v *vpc) bool { return v == found })
	return nil, nil
}

// describeVPC sets what may change in a VPC.
func (s *state) describeVPC(v *vpc, request vpcRequest) error {
	if request.Name != nil {
		if !vpcName.MatchString(*request.Name) {
			return invalid("Name %q may only contain alphanumeric characters, dashes, and periods", *request.Name)
		}
		for _, other := range s.VPCs {
			if other != v && other.Name == *request.Name {
				return invalid("Name %q is already used by another VPC of the account", *request.Name)
			}
		}
		v.Name = *request.Name
	}
	if request.Description != nil {
		if len(*request.Description) > 255 {
			return invalid("Description is too long (maximum is 255 characters)")
		}
		v.Description = *request.Description
	}
	return nil
}

// vpcRange checks a VPC's range of addresses.
func (s *state) vpcRange(text string) (netip.Prefix, error) {
	prefix, err := privateRange("ip_range", text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if prefix.Bits() < 16 || prefix.Bits() > 28 {
		return netip.Prefix{}, invalid("ip_range %s must be between /16 and /28", prefix)
	}
	if taken, what := s.taken(prefix); taken {
		return netip.Prefix{}, invalid("This range/size overlaps with another VPC network in your account: %s", what)
	}
	return prefix, nil
}

// privateRange reads a range of private IPv4 addresses.
func privateRange(field, text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil || !prefix.Addr().Is4() {
		return netip.Prefix{}, invalid("%s %q is not a range of IPv4 addresses in CIDR notation", field, text)
	}
	if prefix != prefix.Masked() {
		return netip.Prefix{}, invalid("%s %s does not start where its range starts: %s does", field, prefix, prefix.Masked())
	}
	if !prefix.Addr().IsPrivate() {
		return netip.Prefix{}, invalid("%s %s is not within the private ranges 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16", field, prefix)
	}
	return prefix, nil
}

// taken says whether the range overlaps one that the account uses.
func (s *state) taken(prefix netip.Prefix) (bool, string) {
	for _, other := range s.VPCs {
		if other.Range.Overlaps(prefix) {
			return true, fmt.Sprintf("VPC %s has %s", other.Name, other.Range)
		}
	}
	for _, record := range s.Clusters {
		for _, used := range []netip.Prefix{record.Cluster.PodRange, record.Cluster.ServiceRange} {
			if used.Overlaps(prefix) {
				return true, fmt.Sprintf("cluster %s has %s", record.Cluster.Name, used)
			}
		}
	}
	return false, ""
}

// freeRange finds a range of that size that the account does not use.
func (s *state) freeRange(bits int) (netip.Prefix, error) {
	for second := 114; second < 256; second++ {
		prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(second), 0, 0}), bits)
		if taken, _ := s.taken(prefix); !taken {
			return prefix, nil
		}
	}
	return netip.Prefix{}, invalid("no free range of addresses is left in the account")
}

// defaultVPC is where things of a region go that name no VPC; it comes to be
// with the first of them.
func (s *state) defaultVPC(region string) (*vpc, error) {
	for _, v := range s.VPCs {
		if v.Region == region && v.Default {
			return v, nil
		}
	}
	prefix, err := s.freeRange(20)
	if err != nil {
		return nil, err
	}
	made := &vpc{ID: uuid.NewString(), Name: "default-" + region, Region: region, Range: prefix, Default: true, CreatedAt: now()}
	made.URN = "do:vpc:" + made.ID
	s.VPCs = append(s.VPCs, made)
	return made, nil
}

// members are the clusters, nodes, databases and load balancers of a VPC.
func (s *state) members(id string) []member {
	var found []member
	for _, record := range s.Clusters {
		c := record.Cluster
		if c.VPCID != id {
			continue
		}
		found = append(found, member{URN: c.urn(), Name: c.Name, CreatedAt: c.CreatedAt})
		for _, p := range c.Pools {
			for _, n := range p.Nodes {
				found = append(found, member{URN: "do:droplet:" + n.DropletID, Name: n.Name, CreatedAt: n.CreatedAt})
			}
		}
	}
	for _, d := range s.Databases {
		if d.VPCID == id {
			found = append(found, member{URN: d.urn(), Name: d.Name, CreatedAt: d.CreatedAt})
		}
	}
	for _, balancer := range s.LoadBalancers {
		if balancer.VPCID == id {
			found = append(found, member{URN: balancer.urn(), Name: balancer.Name, CreatedAt: balancer.CreatedAt})
		}
	}
	return found
}
