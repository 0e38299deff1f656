package stack

import (
	"context"
	"fmt"
	"strings"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// network is what lies between the services and what they need.
type network struct {
	server *toxiproxy.ApiServer
	links  map[string]*link
}

// link leads to one program.
type link struct {
	proxy *toxiproxy.Proxy
	how   cut
}

type cut int

const (
	whole cut = iota
	refused
	silent
)

func newNetwork() *network {
	return &network{
		server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()),
		links:  map[string]*link{},
	}
}

// lead makes a way from an address to a program's.
func (n *network) lead(name, from, to string) error {
	proxy := toxiproxy.NewProxy(n.server, name, from, to)
	n.links[name] = &link{proxy: proxy}
	return proxy.Start()
}

func (n *network) link(name string) (*link, error) {
	link, ok := n.links[name]
	if !ok {
		return nil, fmt.Errorf("no network leads to %q", name)
	}
	return link, nil
}

// refuse ends every connection and takes no more.
func (n *network) refuse(name string) error {
	link, err := n.link(name)
	if err != nil {
		return err
	}
	link.how = refused
	link.proxy.Stop()
	return nil
}

// silence lets nothing through any more, and says so to nobody.
func (n *network) silence(name string) error {
	link, err := n.link(name)
	if err != nil {
		return err
	}
	link.how = silent
	for _, stream := range []string{"upstream", "downstream"} {
		toxic := fmt.Sprintf(`{"name": %q, "type": "timeout", "stream": %q, "attributes": {"timeout": 0}}`, stream, stream)
		if _, err := link.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			return err
		}
	}
	return nil
}

// heal makes the way whole again. What went silent is ended then.
func (n *network) heal(ctx context.Context, name string) error {
	link, err := n.link(name)
	if err != nil {
		return err
	}
	how := link.how
	link.how = whole
	switch how {
	case refused:
		return link.proxy.Start()
	case silent:
		for _, stream := range []string{"upstream", "downstream"} {
			if err := link.proxy.Toxics.RemoveToxic(ctx, stream); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *network) close() {
	for _, link := range n.links {
		if link.how != refused {
			link.proxy.Stop()
		}
	}
}
