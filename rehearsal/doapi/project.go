package doapi

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

type project struct {
	ID          string    `json:"id"`
	OwnerUUID   string    `json:"owner_uuid"`
	OwnerID     int       `json:"owner_id"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Purpose     string    `json:"purpose"`
	Environment string    `json:"environment"`
	Default     bool      `json:"is_default"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// assignment says which project a resource belongs to.
type assignment struct {
	Project    string    `json:"project"`
	AssignedAt time.Time `json:"assigned_at"`
}

type projectRequest struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Purpose     string `json:"purpose"`
	Environment string `json:"environment"`
}

type projectUpdate struct {
	Name        *string `json:"name"`
	Description *string `json:"description"`
	Purpose     *string `json:"purpose"`
	Environment *string `json:"environment"`
	Default     *bool   `json:"is_default"`
}

var (
	environments = []string{"Development", "Staging", "Production"}
	// purposes are those that DigitalOcean suggests; any other gets a prefix.
	purposes = []string{
		"Just trying out DigitalOcean", "Class project / Educational purposes", "Website or blog", "Web Application",
		"Service or API", "Mobile Application", "Machine learning / AI / Data processing", "IoT", "Operational / Developer tooling",
	}
	resourceURN = regexp.MustCompile(`^do:[a-z_]+:[^:\s]+$`)
)

func (s *Server) routeProjects() {
	s.read("GET /v2/projects", func(now *state, r *http.Request) (any, error) {
		return page(r, "projects", now.Projects)
	})
	s.read("GET /v2/projects/{id}", func(now *state, r *http.Request) (any, error) {
		found, err := now.project(r.PathValue("id"))
		return object{"project": found}, err
	})
	s.read("GET /v2/projects/{id}/resources", func(now *state, r *http.Request) (any, error) {
		found, err := now.project(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		return page(r, "resources", now.resourcesOf(found.ID))
	})
	s.write("POST /v2/projects", http.StatusCreated, createProject)
	s.write("PUT /v2/projects/{id}", http.StatusOK, updateProject)
	s.write("PATCH /v2/projects/{id}", http.StatusOK, updateProject)
	s.write("DELETE /v2/projects/{id}", http.StatusNoContent, deleteProject)
	s.write("POST /v2/projects/{id}/resources", http.StatusOK, assignResources)
}

// project finds a project by its id, or the default one.
func (s *state) project(id string) (*project, error) {
	return find(s.Projects, func(p *project) bool { return p.ID == id || (id == "default" && p.Default) })
}

func (s *state) newProject(request projectRequest) *project {
	return &project{
		ID: uuid.NewString(), OwnerUUID: s.Account.UUID, OwnerID: 258992,
		Name: request.Name, Description: request.Description,
		Purpose: request.Purpose, Environment: request.Environment,
		CreatedAt: now(), UpdatedAt: now(),
	}
}

func createProject(next *state, r *http.Request) (any, error) {
	request, err := decode[projectRequest](r)
	if err != nil {
		return nil, err
	}
	made := next.newProject(projectRequest{})
	update := projectUpdate{Name: &request.Name, Description: &request.Description, Purpose: &request.Purpose, Environment: &request.Environment}
	if err := next.describeProject(made, update); err != nil {
		return nil, err
	}
	next.Projects = append(next.Projects, made)
	return object{"project": made}, nil
}

func updateProject(next *state, r *http.Request) (any, error) {
	found, err := next.project(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	request, err := decode[projectUpdate](r)
	if err != nil {
		return nil, err
	}
	if err := next.describeProject(found, request); err != nil {
		return nil, err
	}
	if request.Default != nil && *request.Default {
		for _, other := range next.Projects {
			other.Default = other == found
		}
	}
	return object{"project": found}, nil
}

// describeProject sets what may change in a project.
func (s *state) describeProject(p *project, request projectUpdate) error {
	if request.Name != nil {
		if *request.Name == "" || len(*request.Name) > 175 {
			return invalid("name must be 1 to 175 characters long")
		}
		for _, other := range s.Projects {
			if other != p && other.Name == *request.Name {
				return failf(http.StatusConflict, "name is already in use")
			}
		}
		p.Name = *request.Name
	}
	if request.Description != nil {
		if len(*request.Description) > 255 {
			return invalid("description must be at most 255 characters long")
		}
		p.Description = *request.Description
	}
	if request.Purpose != nil {
		if *request.Purpose == "" || len(*request.Purpose) > 255 {
			return invalid("purpose must be 1 to 255 characters long")
		}
		p.Purpose = *request.Purpose
		if !slices.Contains(purposes, p.Purpose) && !strings.HasPrefix(p.Purpose, "Other: ") {
			p.Purpose = "Other: " + p.Purpose
		}
	}
	if request.Environment != nil && *request.Environment != "" {
		at := slices.IndexFunc(environments, func(e string) bool { return strings.EqualFold(e, *request.Environment) })
		if at < 0 {
			return invalid("environment %q must be one of %s", *request.Environment, strings.Join(environments, ", "))
		}
		p.Environment = environments[at]
	}
	p.UpdatedAt = now()
	return nil
}

func deleteProject(next *state, r *http.Request) (any, error) {
	found, err := next.project(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if len(next.resourcesOf(found.ID)) > 0 {
		return nil, failf(http.StatusPreconditionFailed, "cannot delete a project with resources. move or remove the resources first")
	}
	if found.Default {
		return nil, failf(http.StatusPreconditionFailed, "cannot delete the default project")
	}
	next.Projects = slices.DeleteFunc(next.Projects, func(p *project) bool { return p == found })
	return nil, nil
}

// assignToDefault puts a new resource into the default project.
func (s *state) assignToDefault(urn string) {
	if found, err := s.project("default"); err == nil {
		s.Assignments[urn] = assignment{Project: found.ID, AssignedAt: now()}
	}
}

func assignResources(next *state, r *http.Request) (any, error) {
	found, err := next.project(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	request, err := decode[struct {
		Resources []string `json:"resources"`
	}](r)
	if err != nil {
		return nil, err
	}
	answer := []object{}
	for _, urn := range request.Resources {
		if !resourceURN.MatchString(urn) {
			return nil, failf(http.StatusBadRequest, "resource %q is no URN of the form do:<type>:<id>", urn)
		}
		current, exists := next.Assignments[urn]
		status := "assigned"
		switch {
		case !exists:
			status = "not_found"
		case current.Project == found.ID:
			status = "already_assigned"
		default:
			current = assignment{Project: found.ID, AssignedAt: now()}
			next.Assignments[urn] = current
		}
		answer = append(answer, shownResource(urn, current.AssignedAt, status))
	}
	return object{"resources": answer}, nil
}

// resourcesOf lists what belongs to a project, in a steady order.
func (s *state) resourcesOf(id string) []object {
	var urns []string
	for urn, a := range s.Assignments {
		if a.Project == id {
			urns = append(urns, urn)
		}
	}
	slices.Sort(urns)
	var all []object
	for _, urn := range urns {
		all = append(all, shownResource(urn, s.Assignments[urn].AssignedAt, "ok"))
	}
	return all
}

// resourcePaths are where the resources of a type are found.
var resourcePaths = map[string]string{"kubernetes": "kubernetes/clusters", "domain": "domains", "loadbalancer": "load_balancers", "dbaas": "databases"}

func shownResource(urn string, at time.Time, status string) object {
	parts := strings.SplitN(urn, ":", 3)
	return object{
		"urn": urn, "assigned_at": at, "status": status,
		"links": object{"self": "https://api.digitalocean.com/v2/" + resourcePaths[parts[1]] + "/" + parts[2]},
	}
}
