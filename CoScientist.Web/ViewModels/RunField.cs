using CoScientist.Core.Runs;

namespace CoScientist.Web.ViewModels;

/// <summary>How a field of a specification is entered.</summary>
public enum RunFieldKind
{
    /// <summary>A number or a text.</summary>
    Text,

    /// <summary>One of a few words.</summary>
    Choice,

    /// <summary>A checkpoint of the library.</summary>
    Model,

    /// <summary>The frozen initial policy, the sandbox's oracle, a checkpoint or a model server.</summary>
    Grader,

    /// <summary>Domains of the library.</summary>
    Domains,

    /// <summary>States of rubric items.</summary>
    States,

    /// <summary>Closed studies; shown when a part of the run learns from experts' answers.</summary>
    Studies,
}

/// <summary>A field of a specification, for the form.</summary>
/// <param name="Path">Its path in the JSON, as <c>--set</c> takes it.</param>
/// <param name="Label">Its name for people.</param>
/// <param name="Unit">Unit; empty when it has none.</param>
/// <param name="Meaning">What it does, in a sentence.</param>
/// <param name="Source">Where its default comes from.</param>
/// <param name="Kind">How it is entered.</param>
public sealed record RunField(string Path, string Label, string Unit, string Meaning, string Source, RunFieldKind Kind = RunFieldKind.Text)
{
    /// <summary>The words to choose from.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>What it may be, in words; empty where the choices say it.</summary>
    public string Range { get; init; } = SettingRange.All.TryGetValue(Path, out var range) ? range.ToString() : "";
}

/// <summary>Fields that belong together.</summary>
/// <param name="Title">What they are about.</param>
/// <param name="Fields">The fields in their order.</param>
internal sealed record RunFieldGroup(string Title, IReadOnlyList<RunField> Fields);
