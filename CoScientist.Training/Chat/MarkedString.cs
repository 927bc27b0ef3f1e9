using System.Runtime.InteropServices;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Chat;

/// <summary>Text that knows of every character whether the template's author wrote it or whether it is content.</summary>
internal sealed class MarkedString
{
    // Null when all characters are the author's.
    private readonly bool[]? isContent;

    private MarkedString(string text, bool[]? marks)
    {
        Text = text;
        isContent = marks;
    }

    /// <summary>The characters.</summary>
    public string Text { get; }

    /// <summary>Text of the template's author.</summary>
    public static MarkedString Own(string text) => new(text, null);

    /// <summary>Text of others.</summary>
    public static MarkedString Content(string text)
    {
        var marks = new bool[text.Length];
        Array.Fill(marks, value: true);
        return new MarkedString(text, marks);
    }

    /// <summary>A part of it.</summary>
    public MarkedString Slice(int start, int end) => new(Text[start..end], isContent?[start..end]);

    /// <summary>The characters of some places, in that order.</summary>
    public MarkedString Pick(IReadOnlyList<int> places) =>
        new(string.Concat(places.Select(place => Text[place])), isContent is null ? null : [.. places.Select(place => isContent[place])]);

    /// <summary>The same with each character mapped, such as to upper case.</summary>
    public MarkedString Map(Func<string, string> map) => new(map(Text), isContent);

    /// <summary>Parts one after the other.</summary>
    public static MarkedString Concat(IReadOnlyList<MarkedString> parts)
    {
        var text = string.Concat(parts.Select(part => part.Text));
        if (parts.All(part => part.isContent is null))
        {
            return Own(text);
        }

        var marks = new List<bool>(text.Length);
        foreach (var part in parts)
        {
            CollectionsMarshal.SetCount(marks, marks.Count + part.Text.Length);
            part.isContent?.CopyTo(CollectionsMarshal.AsSpan(marks)[^part.Text.Length..]);
        }

        return new MarkedString(text, [.. marks]);
    }

    /// <summary>The runs of one kind, in order.</summary>
    public IReadOnlyList<TextSegment> Segments()
    {
        var segments = new List<TextSegment>();
        for (var start = 0; start < Text.Length;)
        {
            var content = isContent is not null && isContent[start];
            var run = isContent is null ? -1 : isContent.AsSpan(start).IndexOf(!content);
            var end = run < 0 ? Text.Length : start + run;
            segments.Add(new TextSegment(Text[start..end], content));
            start = end;
        }

        return segments;
    }

    /// <inheritdoc/>
    public override string ToString() => Text;
}
