using CoScientist.Core.Papers;

namespace CoScientist.Core.Storage;

/// <summary>What became of a file that was to be imported.</summary>
public enum PaperImportOutcome
{
    /// <summary>It is a new paper of the library.</summary>
    Imported,

    /// <summary>It is another version of an article of the library; both stay, lists show the newest.</summary>
    NewVersion,

    /// <summary>The same bytes, or the same article with the same text, were imported before; nothing changed.</summary>
    AlreadyThere,

    /// <summary>No reader takes its format yet; nothing changed.</summary>
    NotSupported,

    /// <summary>It could not be read; nothing changed.</summary>
    Failed,
}

/// <summary>What became of one file.</summary>
/// <param name="FileName">The file.</param>
/// <param name="Outcome">What became of it.</param>
/// <param name="PaperId">The paper, when it is in the library now.</param>
/// <param name="Title">Its title, when it is in the library now.</param>
/// <param name="Message">One sentence for people; names the file and, where something is wrong, the remedy.</param>
public sealed record PaperImport(string FileName, PaperImportOutcome Outcome, PaperId? PaperId, string? Title, string Message)
{
    /// <summary>Whether the paper is in the library now.</summary>
    public bool IsThere => Outcome is PaperImportOutcome.Imported or PaperImportOutcome.NewVersion or PaperImportOutcome.AlreadyThere;
}

/// <summary>A file to import.</summary>
/// <param name="Name">Its name, without folder.</param>
/// <param name="Open">Opens it; called once, when its turn comes.</param>
public sealed record PaperFile(string Name, Func<Stream> Open);
