"""Do the people of an audience buy more than others, and do those leave who are called leaving?"""
