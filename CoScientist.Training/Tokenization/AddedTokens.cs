using System.Buffers;

namespace CoScientist.Training.Tokenization;

/// <summary>A token that stands for a fixed text and is no product of merges.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text.</param>
/// <param name="Special">Whether decoding leaves it out.</param>
internal sealed record AddedToken(int Id, string Content, bool Special);

/// <summary>Finds added tokens in text: the leftmost first, and the longest of those that start at one place.</summary>
internal sealed class AddedTokens
{
    private readonly Dictionary<char, AddedToken[]> byFirst;
    private readonly SearchValues<char> first;

    public AddedTokens(IReadOnlyList<AddedToken> tokens)
    {
        All = tokens;
        byFirst = tokens.GroupBy(token => token.Content[0])
            .ToDictionary(group => group.Key, group => group.OrderByDescending(token => token.Content.Length).ToArray());
        first = SearchValues.Create(byFirst.Keys.ToArray());
    }

    /// <summary>All of them, in the file's order.</summary>
    public IReadOnlyList<AddedToken> All { get; }

    /// <summary>The next added token at or after <paramref name="from"/>; null when there is none.</summary>
    public AddedToken? Find(string text, int from, out int position)
    {
        for (position = from; position < text.Length; position++)
        {
            var offset = text.AsSpan(position).IndexOfAny(first);
            if (offset < 0)
            {
                break;
            }

            position += offset;
            foreach (var token in byFirst[text[position]])
            {
                if (string.CompareOrdinal(text, position, token.Content, 0, token.Content.Length) == 0)
                {
                    return token;
                }
            }
        }

        position = text.Length;
        return null;
    }
}
