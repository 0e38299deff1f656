package launcher

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// properties is a broker's configuration as the operator writes it: one key and
// value a line, comments with a hash. Nothing else of Java's format occurs.
type properties map[string]string

func readProperties(path string) (properties, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()

	p := properties{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if !found {
			return nil, fmt.Errorf("%s: %q is no key=value", path, line)
		}
		p[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return p, lines.Err()
}

func (p properties) nodeID() (int32, error) {
	id, err := strconv.ParseInt(p["node.id"], 10, 32)
	if err != nil {
		return 0, fmt.Errorf("node.id %q: %w", p["node.id"], err)
	}
	return int32(id), nil
}

// logDirs are the folders that must be formatted before the first start.
func (p properties) logDirs() []string {
	dirs := split(p["log.dirs"])
	if metadata := p["metadata.log.dir"]; metadata != "" {
		dirs = append(dirs, metadata)
	}
	return dirs
}

func (p properties) hasRole(role string) bool {
	for _, r := range split(p["process.roles"]) {
		if r == role {
			return true
		}
	}
	return false
}

// listener gives the address that a listener binds, and the one it advertises.
func (p properties) listener(name string) (bound, advertised string) {
	find := func(list string) string {
		for _, entry := range split(list) {
			if address, ok := strings.CutPrefix(entry, name+"://"); ok {
				return address
			}
		}
		return ""
	}
	return find(p["listeners"]), find(p["advertised.listeners"])
}

func split(list string) []string {
	var out []string
	for _, entry := range strings.Split(list, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			out = append(out, entry)
		}
	}
	return out
}
