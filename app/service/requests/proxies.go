package requests

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Proxies reads the setting TRUSTED_PROXIES: networks (CIDR) that are separated by commas. An
// empty text has none. It returns those that it could read with the errors of all others.
func Proxies(text string) (proxies []string, err error) {
	var wrong []error
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		if _, err := netip.ParsePrefix(one); err != nil {
			wrong = append(wrong, fmt.Errorf("TRUSTED_PROXIES: %q is no network such as 10.0.0.0/8", one))
			continue
		}
		proxies = append(proxies, one)
	}
	return proxies, errors.Join(wrong...)
}
