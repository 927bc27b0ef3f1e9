namespace CoScientist.Core.Goals;

/// <summary>Where an imported goal came from: the file and the line, and of the line whatever the goal itself does not hold.</summary>
public sealed class GoalSource
{
    /// <summary>The goal; key.</summary>
    public required GoalId GoalId { get; init; }

    /// <summary>Name of the file, for people; never a path that is opened again.</summary>
    public required string FileName { get; init; }

    /// <summary>SHA-256 of the file's bytes in lower-case hexadecimal.</summary>
    public required string FileHash { get; init; }

    /// <summary>Line in the file, from 1.</summary>
    public required int Line { get; init; }

    /// <summary>The row's columns as a JSON object, see <see cref="Interchange.DatasetRow.Columns"/>: an export gives them back as they came.</summary>
    public required string Columns { get; init; }
}
