package main

import (
	"fmt"
	"os"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Dockerfile has its stages in order, and what BuildKit's linter says about single instructions.
type Dockerfile struct {
	Stages   []Stage  `json:"stages"`
	Warnings []string `json:"warnings"`
}

// Stage is everything after one FROM.
type Stage struct {
	Name         string        `json:"name"`
	Base         string        `json:"base"`
	Instructions []Instruction `json:"instructions"`
}

// Instruction has its arguments as BuildKit parsed them.
type Instruction struct {
	Name string `json:"name"`
	Args any    `json:"args"`
}

func readDockerfile(path string) (*Dockerfile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	parsed, err := parser.Parse(file)
	if err != nil {
		return nil, err
	}
	result := &Dockerfile{Warnings: []string{}}
	lint := linter.New(&linter.Config{
		Warn: func(rule, _, _, message string, _ []parser.Range) {
			result.Warnings = append(result.Warnings, rule+": "+message)
		},
	})
	stages, _, err := instructions.Parse(parsed.AST, lint)
	if err != nil {
		return nil, err
	}
	for _, stage := range stages {
		result.Stages = append(result.Stages, stageOf(stage))
	}
	for _, it := range parsed.Warnings {
		result.Warnings = append(result.Warnings, it.Short)
	}
	return result, nil
}

func stageOf(stage instructions.Stage) Stage {
	result := Stage{Name: stage.Name, Base: stage.BaseName}
	for _, it := range stage.Commands {
		result.Instructions = append(result.Instructions, Instruction{Name: it.Name(), Args: argumentsOf(it)})
	}
	return result
}

func argumentsOf(command instructions.Command) any {
	switch it := command.(type) {
	case *instructions.CopyCommand:
		return map[string]any{"from": it.From, "chown": it.Chown, "sources": it.SourcePaths, "to": it.DestPath}
	case *instructions.EnvCommand:
		values := map[string]string{}
		for _, pair := range it.Env {
			values[pair.Key] = pair.Value
		}
		return values
	case *instructions.RunCommand:
		return it.CmdLine
	case *instructions.CmdCommand:
		return map[string]any{"shell": it.PrependShell, "words": it.CmdLine}
	case *instructions.EntrypointCommand:
		return map[string]any{"shell": it.PrependShell, "words": it.CmdLine}
	case *instructions.HealthCheckCommand:
		return it.Health
	case *instructions.UserCommand:
		return it.User
	case *instructions.WorkdirCommand:
		return it.Path
	case *instructions.VolumeCommand:
		return it.Volumes
	case *instructions.ExposeCommand:
		return it.Ports
	}
	return fmt.Sprint(command)
}
