package doapi

import "net/http"

type account struct {
	DropletLimit    int    `json:"droplet_limit"`
	FloatingIPLimit int    `json:"floating_ip_limit"`
	ReservedIPLimit int    `json:"reserved_ip_limit"`
	VolumeLimit     int    `json:"volume_limit"`
	Email           string `json:"email"`
	Name            string `json:"name"`
	UUID            string `json:"uuid"`
	EmailVerified   bool   `json:"email_verified"`
	Status          string `json:"status"`
	StatusMessage   string `json:"status_message"`
	Team            team   `json:"team"`
}

type team struct {
	Name string `json:"name"`
	UUID string `json:"uuid"`
}

func (s *Server) routeAccount() {
	s.read("GET /v2/account", func(now *state, _ *http.Request) (any, error) {
		return object{"account": now.Account}, nil
	})
}
