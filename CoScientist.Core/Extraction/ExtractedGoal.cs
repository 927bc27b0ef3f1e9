using CoScientist.Core.Papers;

namespace CoScientist.Core.Extraction;

/// <summary>A research goal as an extractor proposes it, before it is stored.</summary>
/// <param name="Text">What the policy will see.</param>
/// <param name="Items">The rubric, in order.</param>
/// <param name="ReferenceSolution">One possible approach; null when the paper yields none.</param>
/// <param name="Source">The passage it rests on most; null when the extractor cannot name one.</param>
public sealed record ExtractedGoal(string Text, IReadOnlyList<ExtractedItem> Items, string? ReferenceSolution, SourcePassage? Source = null);

/// <summary>A rubric item as an extractor proposes it.</summary>
/// <param name="Text">The wording.</param>
/// <param name="Source">The passage it rests on; null when the extractor cannot name one.</param>
public sealed record ExtractedItem(string Text, SourcePassage? Source);

/// <summary>A paper from which no goal could be drawn: the message names it and what to do.</summary>
/// <param name="message">What is missing and what to do.</param>
/// <param name="inner">The cause.</param>
public sealed class ExtractionException(string message, Exception? inner = null) : Exception(message, inner);
