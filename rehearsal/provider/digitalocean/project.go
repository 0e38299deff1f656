package digitalocean

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/digitalocean/godo"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

type projectState struct {
	Name        string   `json:"name" do:"autoname"`
	Description *string  `json:"description,omitempty"`
	Purpose     string   `json:"purpose" default:"Web Application"`
	Environment *string  `json:"environment,omitempty"`
	IsDefault   bool     `json:"isDefault" default:"false"`
	Resources   []string `json:"resources" do:"computed,set"`
	OwnerID     uint64   `json:"ownerId" do:"output"`
	OwnerUUID   string   `json:"ownerUuid" do:"output"`
	CreatedAt   string   `json:"createdAt" do:"output"`
	UpdatedAt   string   `json:"updatedAt" do:"output"`
}

var project = handle(api[projectState]{
	validate: func(wanted projectState, fail func(string, string)) {
		if len(wanted.Name) > 175 {
			fail("name", "must be at most 175 characters long")
		}
		if len(value(wanted.Description)) > 255 {
			fail("description", "must be at most 255 characters long")
		}
		if e := strings.ToLower(value(wanted.Environment)); e != "" && !slices.Contains([]string{"development", "staging", "production"}, e) {
			fail("environment", "must be Development, Staging or Production, not "+*wanted.Environment)
		}
	},
	create: createProject,
	read:   readProject,
	update: updateProject,
	delete: func(ctx context.Context, s *session, id string, there projectState) error {
		if err := s.assignToDefault(ctx, there.Resources); err != nil {
			return err
		}
		return poll(ctx, "waiting for the project's resources to leave", func() (bool, error) {
			answer, err := s.client.Projects.Delete(ctx, id)
			if status(answer) == http.StatusPreconditionFailed && strings.Contains(err.Error(), "with resources") {
				return false, nil // moving them takes a while
			}
			return err == nil || gone(answer), unlessGone(answer, err)
		})
	},
	same: map[string]sameness{"environment": func(there, wanted resource.PropertyValue, _ resource.PropertyMap) bool {
		return there.IsString() && wanted.IsString() && strings.EqualFold(there.StringValue(), wanted.StringValue())
	}},
})

func createProject(ctx context.Context, s *session, wanted projectState) (string, error) {
	made, _, err := s.client.Projects.Create(ctx, &godo.CreateProjectRequest{
		Name: wanted.Name, Description: value(wanted.Description), Purpose: wanted.Purpose, Environment: value(wanted.Environment),
	})
	if err != nil {
		return "", err
	}
	if err := s.assign(ctx, made.ID, wanted.Resources); err != nil {
		return made.ID, err
	}
	if wanted.IsDefault {
		_, _, err = s.client.Projects.Update(ctx, made.ID, &godo.UpdateProjectRequest{IsDefault: true})
	}
	return made.ID, err
}

func readProject(ctx context.Context, s *session, id string, _ projectState) (*projectState, error) {
	found, answer, err := s.client.Projects.Get(ctx, id)
	if err != nil {
		return nil, unlessGone(answer, err)
	}
	urns, err := s.resourcesOf(ctx, id)
	if err != nil {
		return nil, err
	}
	return &projectState{
		Name: found.Name, Description: given(found.Description), Purpose: strings.TrimPrefix(found.Purpose, "Other: "),
		Environment: given(found.Environment), IsDefault: found.IsDefault, Resources: urns,
		OwnerID: found.OwnerID, OwnerUUID: found.OwnerUUID, CreatedAt: found.CreatedAt, UpdatedAt: found.UpdatedAt,
	}, nil
}

func updateProject(ctx context.Context, s *session, id string, there, wanted projectState) error {
	_, _, err := s.client.Projects.Update(ctx, id, &godo.UpdateProjectRequest{
		Name: wanted.Name, Description: value(wanted.Description), Purpose: wanted.Purpose,
		Environment: value(wanted.Environment), IsDefault: wanted.IsDefault,
	})
	if err != nil {
		return err
	}
	return s.reassign(ctx, id, there.Resources, wanted.Resources)
}

type projectResourcesState struct {
	Project   string   `json:"project" do:"required,replace"`
	Resources []string `json:"resources" do:"required,set"`
}

// projectResources puts resources into a project that others may also fill.
var projectResources = handle(api[projectResourcesState]{
	create: func(ctx context.Context, s *session, wanted projectResourcesState) (string, error) {
		return wanted.Project, s.assign(ctx, wanted.Project, wanted.Resources)
	},
	read: func(ctx context.Context, s *session, id string, before projectResourcesState) (*projectResourcesState, error) {
		_, answer, err := s.client.Projects.Get(ctx, id)
		if err != nil {
			return nil, unlessGone(answer, err)
		}
		urns, err := s.resourcesOf(ctx, id)
		if err != nil {
			return nil, err
		}
		ours := slices.DeleteFunc(urns, func(urn string) bool { return before.Project != "" && !slices.Contains(before.Resources, urn) })
		return &projectResourcesState{Project: id, Resources: ours}, nil
	},
	update: func(ctx context.Context, s *session, id string, there, wanted projectResourcesState) error {
		return s.reassign(ctx, id, there.Resources, wanted.Resources)
	},
	delete: func(ctx context.Context, s *session, _ string, there projectResourcesState) error {
		return s.assignToDefault(ctx, there.Resources)
	},
})

func (s *session) resourcesOf(ctx context.Context, project string) ([]string, error) {
	found, err := all(func(options *godo.ListOptions) ([]godo.ProjectResource, *godo.Response, error) {
		return s.client.Projects.ListResources(ctx, project, options)
	})
	urns := []string{}
	for _, r := range found {
		urns = append(urns, r.URN)
	}
	return urns, err
}

func (s *session) assign(ctx context.Context, project string, urns []string) error {
	if len(urns) == 0 {
		return nil
	}
	var resources []any
	for _, urn := range urns {
		resources = append(resources, urn)
	}
	_, _, err := s.client.Projects.AssignResources(ctx, project, resources...)
	return err
}

// assignToDefault gives resources back to the project that everything without
// another one is in. Those that are gone have no project.
func (s *session) assignToDefault(ctx context.Context, urns []string) error {
	if len(urns) == 0 {
		return nil
	}
	home, _, err := s.client.Projects.GetDefault(ctx)
	if err != nil {
		return err
	}
	return s.assign(ctx, home.ID, urns)
}

func (s *session) reassign(ctx context.Context, project string, there, wanted []string) error {
	gone := slices.DeleteFunc(slices.Clone(there), func(urn string) bool { return slices.Contains(wanted, urn) })
	if err := s.assignToDefault(ctx, gone); err != nil {
		return err
	}
	added := slices.DeleteFunc(slices.Clone(wanted), func(urn string) bool { return slices.Contains(there, urn) })
	return s.assign(ctx, project, added)
}
