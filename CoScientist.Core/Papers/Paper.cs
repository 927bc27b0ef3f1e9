namespace CoScientist.Core.Papers;

/// <summary>Key of a <see cref="Paper"/>.</summary>
public readonly record struct PaperId(Guid Value) : ITypedId<PaperId>
{
    /// <inheritdoc/>
    public static PaperId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>One article in the library: where everything that is extracted comes from.</summary>
public sealed class Paper
{
    /// <summary>Key.</summary>
    public required PaperId Id { get; init; }

    /// <summary>Title as printed, without markup.</summary>
    public required string Title { get; set; }

    /// <summary>Authors in order, one name each.</summary>
    public List<string> Authors { get; set; } = [];

    /// <summary>Year of publication, where the source gives one.</summary>
    public int? Year { get; set; }

    /// <summary>Journal, conference or archive.</summary>
    public string? Venue { get; set; }

    /// <summary>Digital object identifier, lower case, without resolver.</summary>
    public string? Doi { get; set; }

    /// <summary>PubMed identifier.</summary>
    public string? Pmid { get; set; }

    /// <summary>arXiv identifier without version.</summary>
    public string? ArxivId { get; set; }

    /// <summary>Licence text or link, as the source states it.</summary>
    public string? Licence { get; set; }

    /// <summary>Field of research, the unit of cross-domain evaluation ("ml", "medicine", …); "general" when unknown.</summary>
    public string Domain { get; set; } = "general";

    /// <summary>Abstract, plain text; empty when the source has none.</summary>
    public string Abstract { get; set; } = "";

    /// <summary>Format that was read: "jats", "tei", "s2orc", "peerread", "pdf", "arxiv", "markdown", "text", "sandbox".</summary>
    public required string Format { get; init; }

    /// <summary>File name it came from, for people; never a path that is opened again.</summary>
    public required string SourceName { get; init; }

    /// <summary>SHA-256 of the source bytes in lower-case hexadecimal: the same file twice is one paper.</summary>
    public required string ContentHash { get; init; }

    /// <summary>Number of the version, where the source or its file name gives one (arXiv's "v2").</summary>
    public int? Version { get; set; }

    /// <summary>What all versions of one article share: the <see cref="ContentHash"/> of the one that came first; null on that one itself.</summary>
    public string? FirstVersionHash { get; set; }

    /// <summary>The newest version of the article, which lists show instead; null on the newest itself.</summary>
    public PaperId? NewestVersion { get; set; }

    /// <summary>True for papers of the sandbox world; never mixed with real ones.</summary>
    public bool IsSandbox { get; init; }

    /// <summary>When it came in (UTC).</summary>
    public required DateTimeOffset ImportedAt { get; init; }

    /// <summary>Sections in order.</summary>
    public List<PaperSection> Sections { get; set; } = [];
}

/// <summary>What part a section plays in the article.</summary>
public enum SectionRole
{
    /// <summary>None of the others.</summary>
    Other,

    /// <summary>Introduction, related work, background.</summary>
    Background,

    /// <summary>Stated aims, questions, hypotheses.</summary>
    Aims,

    /// <summary>Methods, materials, model, approach.</summary>
    Method,

    /// <summary>Experimental set-up, data, evaluation design.</summary>
    Experiments,

    /// <summary>Results and findings.</summary>
    Results,

    /// <summary>Discussion, limitations, conclusion.</summary>
    Discussion,
}

/// <summary>A part of a paper; nested sections are flattened in reading order, their headings joined with " / ".</summary>
public sealed class PaperSection
{
    /// <summary>Row key, given by storage.</summary>
    public long Id { get; set; }

    /// <summary>The paper it belongs to.</summary>
    public PaperId PaperId { get; set; }

    /// <summary>Position in the paper, from 0.</summary>
    public required int Order { get; set; }

    /// <summary>Heading; empty when there is none.</summary>
    public required string Heading { get; set; }

    /// <summary>Part played in the article.</summary>
    public required SectionRole Role { get; set; }

    /// <summary>Plain text; paragraphs separated by a blank line.</summary>
    public required string Text { get; set; }
}

/// <summary>A place in a paper that an extracted thing points back to.</summary>
/// <param name="SectionOrder">Position of the section in the paper; -1 is the abstract.</param>
/// <param name="Start">First character in the section's text.</param>
/// <param name="Length">Number of characters.</param>
public sealed record SourcePassage(int SectionOrder, int Start, int Length);
